// Rows of a list, dragged by their grips with a mouse or a finger, or moved with the arrow keys on a grip. The list is the page's own; this only
// listens, and tells the page the new order.

export default function ({ data, setTriggerValue }) {
  const order = (window.__throughlineOrder ??= listen())
  Object.assign(order, data, { emit: setTriggerValue })
  order.settle()
}

function listen() {
  const order = { of: null, list: '', row: '', emit: () => {}, settle }
  let dragged = null // the row on its way
  let moving = null // whose grip keeps the focus when the page comes back

  const inList = () => `.st-key-${order.list} .tl-grip[data-key]`
  const rowOf = (grip) => grip.closest(`[class*="st-key-${order.row}"]`)
  const rows = () => [...document.querySelectorAll(inList())].map(rowOf)
  const keyOf = (row) => row.querySelector('.tl-grip').dataset.key
  const gripAt = (event) => event.target.closest?.(inList())
  const rowAt = (event) => {
    const found = document.elementFromPoint(event.clientX, event.clientY)?.closest(`.st-key-${order.list} [class*="st-key-${order.row}"]`)
    return found?.querySelector('.tl-grip[data-key]') ? found : null
  }
  const isAbove = (event, row) => {
    const box = row.getBoundingClientRect()
    return event.clientY < box.top + box.height / 2
  }
  const unmark = () => document.querySelectorAll('[data-drop]').forEach((row) => delete row.dataset.drop)
  const tell = (wanted) => order.emit('order', { of: order.of, keys: wanted.map(keyOf) })

  document.addEventListener('pointerdown', (event) => {
    const grip = event.isPrimary && event.button === 0 && gripAt(event)
    if (!grip) return
    event.preventDefault() // no text is marked on the way
    grip.focus()
    dragged = rowOf(grip)
    dragged.dataset.dragged = ''
  })
  document.addEventListener('pointermove', (event) => {
    if (!dragged) return
    unmark()
    const row = rowAt(event)
    if (row && row !== dragged) row.dataset.drop = isAbove(event, row) ? 'above' : 'below'
  })
  document.addEventListener('pointerup', (event) => {
    const row = dragged && rowAt(event)
    if (row && row !== dragged) {
      const wanted = rows().filter((each) => each !== dragged)
      wanted.splice(wanted.indexOf(row) + (isAbove(event, row) ? 0 : 1), 0, dragged)
      tell(wanted)
    }
    letGo()
  })
  document.addEventListener('pointercancel', letGo)
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return letGo()
    const grip = gripAt(event)
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!grip || !by) return
    event.preventDefault()
    const wanted = rows()
    const from = wanted.indexOf(rowOf(grip))
    const to = from + by
    if (to < 0 || to >= wanted.length) return
    moving = grip.dataset.key
    wanted.splice(to, 0, wanted.splice(from, 1)[0])
    tell(wanted)
  })

  // A row that has moved is drawn anew in another place: the grip there goes on being the one that keys move.
  function settle() {
    if (moving === null) return
    for (const wait of [0, 80, 250, 600]) setTimeout(refocus, wait)
  }

  function refocus() {
    const at = document.activeElement
    if (at && at !== document.body && !at.matches('.tl-grip')) moving = null // somebody went on elsewhere
    else [...document.querySelectorAll(inList())].find((each) => each.dataset.key === moving)?.focus()
  }

  function letGo() {
    if (dragged) delete dragged.dataset.dragged
    dragged = null
    unmark()
  }

  return order
}
