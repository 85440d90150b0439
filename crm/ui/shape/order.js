// Rows of the stage grid, dragged by their grips. The grid is the page's own; this only listens, and tells the page the new order.

const ROW = '[class*="st-key-pipelines_row_"]'
const GRIP = '.st-key-pipelines_grid .tl-grip[data-stage]'

export default function ({ data, setTriggerValue }) {
  const order = (window.__throughlineStages ??= listen())
  order.pipeline = data.pipeline
  order.emit = setTriggerValue
}

function listen() {
  const order = { pipeline: null, emit: () => {} }
  let dragged = null // the row on its way

  const rows = () => [...document.querySelectorAll(GRIP)].map((grip) => grip.closest(ROW))
  const stageOf = (row) => row.querySelector('.tl-grip').dataset.stage
  const rowAt = (event) => {
    const row = event.target.closest?.('.st-key-pipelines_grid') && event.target.closest(ROW)
    return row?.querySelector('.tl-grip[data-stage]') ? row : null
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
      order.emit('order', { pipeline: order.pipeline, stages: wanted.map(stageOf) })
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
