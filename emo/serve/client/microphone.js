// An audio worklet: a microphone's samples as 16-bit ones, in pieces of 40 ms.
registerProcessor("emo-microphone", class extends AudioWorkletProcessor {
    piece = new Int16Array(Math.round(sampleRate / 25))
    filled = 0

    process([[samples]]) {
        for (const each of samples ?? []) {
            this.piece[this.filled++] = 32767 * Math.max(-1, Math.min(1, each))
            if (this.filled === this.piece.length) {
                this.port.postMessage(this.piece.slice())
                this.filled = 0
            }
        }
        return true
    }
})
