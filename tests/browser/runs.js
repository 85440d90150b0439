// Tells whether a run of the page's script that was asked for has ended: the page itself says "not running" also before the first word of it came.
// Numbers of fields are those of Streamlit's BackMsg and ForwardMsg.
(() => {
  const RERUN_SCRIPT = 11, NEW_SESSION = 4, SCRIPT_FINISHED = 6, ENDED_FOR_ANOTHER_RUN = 2
  const Real = window.WebSocket

  // The fields of a message (protobuf) by number: numbers as they are, everything else as true.
  const fields = (data) => {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
    const found = new Map()
    let at = 0
    const number = () => {
      let value = 0
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++]
        value += (byte & 127) * factor
        if (!(byte & 128)) return value
      }
    }
    while (at < bytes.length) {
      const tag = number(), kind = tag % 8, field = (tag - kind) / 8
      found.set(field, kind === 0 ? number() : true)
      if (kind === 2) at += number()
      else if (kind !== 0) at += kind === 1 ? 8 : 4
    }
    return found
  }

  window.awaitedRun = null // or "to begin", "to end"
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', (event) => {
        if (!(event.data instanceof ArrayBuffer)) return
        const found = fields(event.data)
        if (found.has(NEW_SESSION) && window.awaitedRun) window.awaitedRun = 'to end'
        if (found.has(SCRIPT_FINISHED) && window.awaitedRun === 'to end') {
          window.awaitedRun = found.get(SCRIPT_FINISHED) === ENDED_FOR_ANOTHER_RUN ? 'to begin' : null
        }
      })
    }

    send(data) {
      if (typeof data !== 'string' && fields(data).has(RERUN_SCRIPT)) window.awaitedRun = 'to begin'
      super.send(data)
    }
  }
})()
