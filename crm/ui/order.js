// Rows of a list, dragged by their grips. The list is the page's own; this only listens, and tells the page the new order.

export default function ({ data, setTriggerValue }) {
  const lists = (window.__throughlineOrders ??= {})
  const order = (lists[data.list] ??= listen(data.list))
  order.of = data.of
  order.emit = setTriggerValue
}

function listen(list) {
  const LIST = `.st-key-${list}_grid`
  const ROW = `[class*="st-key-${list}_row_"]`
  const GRIP = `${LIST} .tl-grip[data-item]`
  const order = { of: null, emit: () => {} }
  let dragged = null // the row on its way

  const rows = () => [...document.querySelectorAll(GRIP)].map((grip) => grip.closest(ROW))
  const itemOf = (row) => row.querySelector('.tl-grip').dataset.item
  const rowAt = (event) => {
    const row = event.target.closest?.(LIST) && event.target.closest(ROW)
    return row?.querySelector('.tl-grip[data-item]') ? row : null
  }
  const isAbove = (event, row) => {
    const box = row.getBoundingClientRect()
    return event.clientY < box.top + box.height / 2
  }
  const unmark = () => document.querySelectorAll('[data-drop]').forEach((row) => delete row.dataset.drop)

  document.addEventListener('dragstart', (event) => {
    const grip = event.target.closest?.(GRIP)
    if (!grip) return
    dragged = grip.closest(ROW)
    event.dataTransfer.effectAllowed = 'move'
    event.dataTransfer.setData('text/plain', '')
    event.dataTransfer.setDragImage(dragged, 24, dragged.offsetHeight / 2)
    requestAnimationFrame(() => dragged && (dragged.dataset.dragged = ''))
  })
  document.addEventListener('dragover', (event) => {
    const row = dragged && rowAt(event)
    if (!row) return
    event.preventDefault()
    unmark()
    if (row !== dragged) row.dataset.drop = isAbove(event, row) ? 'above' : 'below'
  })
  document.addEventListener('drop', (event) => {
    const row = dragged && rowAt(event)
    if (!row) return
    event.preventDefault()
    if (row !== dragged) {
      const wanted = rows().filter((each) => each !== dragged)
      wanted.splice(wanted.indexOf(row) + (isAbove(event, row) ? 0 : 1), 0, dragged)
      order.emit('order', { of: order.of, items: wanted.map(itemOf), seen: rows().map(itemOf) })
    }
    letGo()
  })
  document.addEventListener('dragend', letGo)

  function letGo() {
    if (dragged) delete dragged.dataset.dragged
    dragged = null
    unmark()
  }

  return order
}
