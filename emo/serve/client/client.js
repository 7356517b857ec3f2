// The live server's own page: plays what comes through Media Source Extensions, sends a microphone or a sound file.
// docs/serve.md describes what is said over the WebSocket.

const PIECE = 0.04 // seconds of a file that are sent at a time
const BEHIND = 1.0 // seconds that wait to be played, from which on playing catches up
const KEPT = 10 // seconds that were played and are kept

const $ = id => document.getElementById(id)
let session = null

class Session {
    constructor(portrait, options, token) {
        this.waiting = []
        this.context = new AudioContext()
        this.source = new (window.ManagedMediaSource ?? MediaSource)()
        this.video = $("video")
        this.video.disableRemotePlayback = true
        this.video.src = URL.createObjectURL(this.source)
        const address = new URL("live", location.href)
        address.protocol = address.protocol.replace("http", "ws")
        if (token) address.searchParams.set("token", token)
        this.socket = new WebSocket(address)
        this.socket.binaryType = "arraybuffer"
        this.socket.onopen = () => {
            this.send({type: "start", rate: this.context.sampleRate, delay: 30, options})
            this.socket.send(portrait)
            say("The portrait is looked at …")
        }
        this.socket.onmessage = ({data}) => typeof data === "string" ? this.hear(JSON.parse(data)) : this.take(data)
        this.socket.onclose = () => {
            if (!this.over) say("The server ended the session, or does not let this page in.", true)
            this.end()
        }
    }

    send(message) {
        if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
    }

    hear(message) {
        if (message.type === "ready") this.begin(message.mime)
        if (message.type === "error") this.end(message.message, true)
        if (message.type === "ended") this.end("Ended.")
        if (message.type === "dropped") say("This server draws slower than you speak: some sound was dropped.")
        if (message.type === "interrupted") this.from = message.seconds
    }

    begin(mime) {
        const open = () => {
            this.buffer = this.source.addSourceBuffer(mime)
            this.buffer.onupdateend = () => this.append()
            this.append()
        }
        if (this.source.readyState === "open") open()
        else this.source.addEventListener("sourceopen", open, {once: true})
        for (const id of ["microphone", "sound", "interrupt", "stop"]) $(id).disabled = false
        say("Live.")
    }

    take(bytes) {
        this.waiting.push(bytes)
        this.append()
    }

    append() {
        if (this.over || !this.buffer || this.buffer.updating) return
        const {buffered} = this.buffer
        const begin = buffered.length ? buffered.start(0) : 0
        if (this.video.currentTime - begin > 2 * KEPT) return this.buffer.remove(begin, this.video.currentTime - KEPT)
        if (this.waiting.length) this.buffer.appendBuffer(this.waiting.shift())
        this.play()
    }

    play() {
        const {buffered} = this.video
        if (!buffered.length) return
        const begin = buffered.start(buffered.length - 1), end = buffered.end(buffered.length - 1)
        if (this.video.currentTime < begin) this.video.currentTime = begin
        if (this.from !== undefined && this.from < end) { // an interruption: what was to be said before is not
            if (this.video.currentTime < this.from) this.video.currentTime = this.from
            this.from = undefined
        }
        this.video.playbackRate = end - this.video.currentTime > BEHIND ? 1.1 : 1
        if (this.video.paused) this.video.play().catch(error => say(`The browser does not play: ${error.message}`, true))
    }

    async listen() {
        try {
            this.stream = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: true}})
            await this.context.audioWorklet.addModule("microphone.js")
            await this.context.resume()
            const worklet = new AudioWorkletNode(this.context, "emo-microphone")
            worklet.port.onmessage = ({data}) => this.stream && this.socket.send(data)
            this.context.createMediaStreamSource(this.stream).connect(worklet)
        } catch (error) {
            say(navigator.mediaDevices ? `No microphone: ${error.message}` : "Browsers give a microphone only to pages over HTTPS, and to those of the same machine.", true)
            this.deafen()
        }
    }

    deafen() {
        this.stream?.getTracks().forEach(track => track.stop())
        this.stream = null
    }

    async speak(file) {
        const sound = await this.context.decodeAudioData(await file.arrayBuffer())
        const samples = Int16Array.from(sound.getChannelData(0), each => 32767 * Math.max(-1, Math.min(1, each)))
        const piece = Math.round(PIECE * this.context.sampleRate)
        for (let start = 0; start < samples.length; start += piece) this.socket.send(samples.slice(start, start + piece))
    }

    end(words, wrong) {
        if (this.over) return
        this.over = true
        if (words) say(words, wrong)
        this.deafen()
        this.context.close()
        this.socket.close()
        if (session === this) session = null
        for (const id of ["microphone", "sound", "interrupt", "stop"]) $(id).disabled = true
        $("microphone").setAttribute("aria-pressed", false)
        $("start").disabled = false
    }
}

function say(words, wrong = false) {
    $("status").textContent = words
    $("status").className = wrong ? "wrong" : ""
}

$("form").onsubmit = event => {
    event.preventDefault()
    let options = {}
    try {
        options = JSON.parse($("options").value || "{}")
    } catch (error) {
        return say(`The options are no JSON: ${error.message}`, true)
    }
    $("start").disabled = true
    session = new Session($("portrait").files[0], options, $("token").value)
}
$("stop").onclick = () => session?.end("Stopped.")
$("interrupt").onclick = () => session?.send({type: "interrupt"})
$("microphone").onclick = ({target}) => {
    const on = target.getAttribute("aria-pressed") !== "true"
    target.setAttribute("aria-pressed", on)
    if (on) session?.listen()
    else session?.deafen()
}
$("sound").onchange = ({target}) => {
    if (target.files[0]) session?.speak(target.files[0]).catch(error => say(`This is no sound: ${error.message}`, true))
    target.value = ""
}
