// The browser's side of the live tab, run once by its HTML component, whose value is {ticket, count, picture}: while
// there is a ticket, sound of the microphone goes to the server in pieces, one after the other, none lost; the newest
// picture is shown, and the server told how many have been.

const PIECE_MILLISECONDS = 100
const PROCESSOR = `registerProcessor("emo-microphone", class extends AudioWorkletProcessor {
    process([[samples]]) {
        if (samples) this.port.postMessage(Int16Array.from(samples, each => 32767 * Math.max(-1, Math.min(1, each))))
        return true
    }
})`

let current = null

async function listen(ticket) {
    const mine = current = {ticket, blocks: []}
    try {
        mine.stream = await navigator.mediaDevices.getUserMedia({audio: true})
        mine.context = new AudioContext()
        const code = URL.createObjectURL(new Blob([PROCESSOR], {type: "text/javascript"}))
        await mine.context.audioWorklet.addModule(code)
        URL.revokeObjectURL(code)
        const microphone = new AudioWorkletNode(mine.context, "emo-microphone")
        microphone.port.onmessage = event => mine.blocks.push(event.data)
        mine.context.createMediaStreamSource(mine.stream).connect(microphone)
        await mine.context.resume()
        while (current === mine) {
            await new Promise(done => setTimeout(done, PIECE_MILLISECONDS))
            if (!await server.hear({ticket, shown: props.value.count, rate: mine.context.sampleRate, samples: taken(mine)})) break
        }
    } catch (error) {
        await server.hear({ticket, trouble: navigator.mediaDevices ? error.name : "insecure"})
    } finally {
        mine.stream?.getTracks().forEach(track => track.stop())
        mine.context?.close()
        if (current === mine) current = null
    }
}

function taken(mine) {
    const blocks = mine.blocks.splice(0)
    const samples = new Int16Array(blocks.reduce((length, block) => length + block.length, 0))
    let length = 0
    for (const block of blocks) {
        samples.set(block, length)
        length += block.length
    }
    const bytes = new Uint8Array(samples.buffer)
    let text = ""
    for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192))
    return btoa(text)
}

function update() {
    const {ticket, picture} = props.value
    const shown = element.querySelector("img")
    shown.hidden = !picture
    if (picture && shown.src !== picture) shown.src = picture
    if (ticket && ticket !== current?.ticket) listen(ticket)
    if (!ticket) current = null
}

watch("value", update)
