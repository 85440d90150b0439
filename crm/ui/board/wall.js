// The board itself: columns of cards, drawn from data, changed in place so that scroll, focus and a drag outlive every refresh.
// Whatever people typed reaches the page by textContent only.

const walls = new WeakMap()
const PATIENCE_MS = 15000
const STEP_PAUSE_MS = 280 // several steps of the keyboard become one move
const MOST_ANIMATED = 80
const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches

export default function ({ data, parentElement, setTriggerValue }) {
  let wall = walls.get(parentElement)
  if (!wall) walls.set(parentElement, (wall = makeWall(parentElement.querySelector('.wall'))))
  wall.emit = setTriggerValue
  wall.take(JSON.parse(new TextDecoder().decode(data)))
  window.__throughlineBoard = wall
  return () => {
    wall.end()
    walls.delete(parentElement)
    if (window.__throughlineBoard === wall) delete window.__throughlineBoard
  }
}

function make(tag, className, text) {
  const found = document.createElement(tag)
  if (className) found.className = className
  if (text !== undefined && text !== '') found.textContent = text
  return found
}

function button(className, text, label) {
  const found = make('button', className, text)
  found.type = 'button'
  if (label) found.setAttribute('aria-label', label)
  return found
}

function makeWall(root) {
  const wall = { emit: () => {}, take, hear, markOpen, end }
  const columns = new Map() // stage id -> { id, el, body, count, sum, more, chip, data }
  const cards = new Map() // lead id -> { id, el, text, stage, data }
  const moves = new Map() // lead id -> { n, to, next, timer, pause }
  const notes = new Map() // lead id -> why its move was refused
  const mount = crypto.getRandomValues(new Uint32Array(2)).join('-')
  let shown = null // the newest data on the wall
  let waiting = null // what came in while a card was being dragged
  let dragged = null
  let count = 0
  let focusId = null
  let openId = null
  let menu = null

  const bar = make('nav', 'picker')
  bar.setAttribute('aria-label', 'Stages')
  const row = make('div', 'row')
  const live = make('div', 'unseen')
  live.setAttribute('aria-live', 'polite')
  const hint = make('div', 'unseen', 'Enter opens the lead. Alt with an arrow moves it, M chooses a stage.')
  hint.id = 'how'
  const said = make('div', 'said')
  said.setAttribute('role', 'status')
  const empty = make('div', 'empty')
  root.replaceChildren(bar, row, empty, said, live, hint)

  // What comes from the server

  function take(data) {
    if (!isNewer(data)) return
    if (dragged) {
      waiting = data
      return
    }
    const before = places()
    settle(data)
    shown = data
    row.classList.toggle('fixed', !data.moves)
    drawColumns(data)
    drawCards(data)
    drawEmpty(data)
    sizeUp()
    glide(before)
    markOpen(window.__throughlineBeside?.open ?? null)
  }

  /** Whether to draw it; after the server was away, another showing begins to count anew. */
  const isNewer = (data) => !shown || shown.of !== data.of || data.rev > shown.rev

  /** News from the page's second, that looks whether anything has moved. */
  function hear(data) {
    if (shown?.of === data.of && !(waiting?.rev >= data.rev)) take(data)
  }

  function settle(data) {
    const answers = data.answers && data.answers.mount === mount ? data.answers.of : {}
    for (const [id, move] of moves) {
      const answer = move.n && answers[move.n]
      if (!answer) continue
      clearTimeout(move.timer)
      moves.delete(id)
      if (answer.ok) {
        announce(answer.said)
        if (id === openId) window.__throughlineBeside?.ask(id) // the lead beside the board is shown as it is now
        if (move.next && move.next !== move.to) pend(id, move.next, { version: answer.version })
      } else {
        refuse(id, answer, data)
      }
    }
  }

  function refuse(id, answer, data) {
    const stands = data.stages.some((stage) => stage.cards.some((card) => card.id === id))
    announce(answer.why)
    if (answer.quiet) return // a dialog says it
    if (stands) notes.set(id, answer)
    else tell(answer.why)
    const found = cards.get(id)
    if (found) {
      found.text = '' // drawn anew, with its note
      found.slides = true
    }
  }

  function announce(words) {
    live.textContent = words || ''
  }

  function tell(words) {
    const line = make('div', 'toast', words)
    said.replaceChildren(line)
    setTimeout(() => line.remove(), 9000)
  }

  function drawEmpty(data) {
    empty.hidden = !data.empty
    empty.replaceChildren(...(data.empty ? [make('b', '', data.empty[0]), make('span', '', data.empty[1])] : []))
  }

  // Columns

  function drawColumns(data) {
    const ids = data.stages.map((stage) => stage.id).join()
    if (row.dataset.ids !== ids) {
      row.dataset.ids = ids
      columns.clear()
      cards.clear()
      const made = data.stages.map((stage, place) => makeColumn(stage, place))
      row.replaceChildren(...made.map((column) => column.el))
      bar.replaceChildren(...made.map((column) => column.chip))
      markChip(made[0])
    }
    for (const stage of data.stages) drawHead(columns.get(stage.id), stage)
  }

  function makeColumn(stage, place) {
    const el = make('section', `column k-${stage.kind}`)
    el.style.setProperty('--step', `${stage.tint}%`)
    el.dataset.stage = stage.id
    const head = make('header')
    const name = make('h2', '', stage.name)
    const fold = button('fold', '', `Open or close ${stage.name}`)
    const count = make('b', 'count')
    const sum = make('span', 'sum')
    const title = make('div', 'title')
    title.append(make('i', 'dot'), name, count)
    head.append(title, sum, fold)
    const body = make('div', 'body')
    body.setAttribute('role', 'list')
    const more = button('more', 'Show 50 more')
    more.onclick = () => wall.emit('more', { stage: stage.id })
    el.append(head, body, more)
    const chip = button('chip')
    chip.append(make('i', 'dot'), make('span', '', stage.name), make('b'))
    chip.style.setProperty('--step', `${stage.tint}%`)
    chip.classList.add(`k-${stage.kind}`)
    const column = { id: stage.id, el, body, count, sum, more, chip, place, data: stage }
    chip.onclick = () => el.scrollIntoView({ behavior: isCalm() ? 'auto' : 'smooth', block: 'nearest', inline: 'start' })
    if (stage.folds) {
      const setFolded = (is) => {
        el.classList.toggle('folded', is)
        fold.setAttribute('aria-expanded', String(!is))
      }
      setFolded(remembered(`fold.${stage.id}`) !== 'open')
      fold.onclick = head.onclick = (event) => {
        event.stopPropagation()
        const is = !el.classList.contains('folded')
        setFolded(is)
        remember(`fold.${stage.id}`, is ? '' : 'open')
        if (!is) el.scrollIntoView({ behavior: isCalm() ? 'auto' : 'smooth', block: 'nearest', inline: 'nearest' })
      }
    } else fold.remove()
    columns.set(stage.id, column)
    return column
  }

  function drawHead(column, stage) {
    column.data = stage
    const gone = [...moves].filter(([id, move]) => cards.get(id)?.home === stage.id && goal(move) !== stage.id).length
    const come = [...moves].filter(([id, move]) => goal(move) === stage.id && cards.get(id)?.home !== stage.id).length
    const total = stage.leads === null ? null : stage.leads - gone + come
    const words = total === null ? 'many' : total.toLocaleString('en')
    column.count.textContent = words
    column.sum.textContent = stage.sum
    column.chip.lastChild.textContent = words
    column.body.setAttribute('aria-label', `${stage.name}, ${words} leads${stage.sum ? ', ' + stage.sum : ''}`)
    column.more.hidden = !stage.more
  }

  function markChip(column) {
    for (const other of columns.values()) other.chip.setAttribute('aria-pressed', String(other === column))
    column?.chip.scrollIntoView({ block: 'nearest', inline: 'center' })
  }

  // Cards

  function drawCards(data) {
    const wanted = new Map(data.stages.map((stage) => [stage.id, []]))
    const still = new Set()
    const moved = []
    for (const stage of data.stages)
      for (const card of stage.cards) {
        still.add(card.id)
        const move = moves.get(card.id)
        const found = drawCard(card)
        found.home = stage.id
        if (move && wanted.has(goal(move))) moved.push([goal(move), card.id])
        else wanted.get(stage.id).push(card.id)
      }
    for (const [to, id] of moved) wanted.get(to).unshift(id)
    const focused = root.getRootNode().activeElement
    const keeps = focused && root.contains(focused) ? focused : null
    for (const [id, card] of cards)
      if (!still.has(id)) {
        card.el.remove()
        cards.delete(id)
        moves.delete(id)
      }
    for (const [stage, ids] of wanted) place(columns.get(stage).body, ids)
    if (keeps?.isConnected && root.getRootNode().activeElement !== keeps) keeps.focus({ preventScroll: true })
    for (const stage of data.stages) drawHead(columns.get(stage.id), stage)
    roving()
  }

  function place(body, ids) {
    let next = body.firstElementChild
    for (const id of ids) {
      const el = cards.get(id).el
      if (el === next) next = next.nextElementSibling
      else body.insertBefore(el, next)
    }
    while (next) {
      const gone = next
      next = next.nextElementSibling
      if (!gone.dataset.lead || !ids.includes(Number(gone.dataset.lead))) gone.remove()
    }
    body.classList.toggle('bare', !ids.length)
  }

  function drawCard(card) {
    let found = cards.get(card.id)
    if (!found) {
      const el = make('article', 'card')
      el.dataset.lead = card.id
      el.tabIndex = -1
      el.setAttribute('role', 'listitem')
      el.setAttribute('aria-describedby', 'how')
      cards.set(card.id, (found = { id: card.id, el, text: '', data: card }))
    }
    const text = JSON.stringify(card)
    if (found.text !== text) {
      found.text = text
      found.data = card
      fill(found)
    }
    found.el.draggable = Boolean(card.moves)
    found.el.classList.toggle('pending', moves.has(card.id))
    found.el.classList.toggle('open', openId === card.id)
    return found
  }

  function fill({ el, data }) {
    const top = make('div', 'top')
    top.append(make('strong', '', data.title ?? ''))
    if (data.moves) {
      const dots = button('dots', '', `Move ${data.title} to another stage`)
      dots.setAttribute('aria-haspopup', 'menu')
      dots.tabIndex = -1
      dots.append(make('i'), make('i'), make('i'))
      top.append(dots)
    }
    const parts = [top]
    if (data.name) parts.push(make('div', 'name', data.name))
    const money = make('div', 'money')
    money.append(make('b', '', data.value))
    if (data.own) money.append(make('span', 'own', data.own))
    if (data.life) money.append(make('span', 'life', data.life))
    parts.push(money)
    const foot = make('div', 'foot')
    if (data.market) foot.append(make('span', 'market', data.market))
    const days = make('span', `days ${data.mood ?? ''}`, data.days)
    days.title = data.daysTitle
    foot.append(days)
    const last = make('span', 'last', data.last)
    last.title = data.lastTitle ?? ''
    foot.append(last)
    if (data.due) {
      const due = make('span', `due ${data.dueMood ?? ''}`, data.due)
      due.title = 'Alert'
      foot.append(due)
    }
    if (data.who) {
      const who = make('span', data.away ? 'who away' : 'who', data.who)
      who.title = data.owner
      foot.append(who)
    }
    parts.push(foot)
    const note = notes.get(data.id)
    if (note) parts.push(makeNote(data, note))
    el.replaceChildren(...parts)
    el.classList.toggle('noted', Boolean(note))
    const said = [data.title, data.name, data.value, data.daysTitle, data.owner && `owner ${data.owner}`, data.due && `alert ${data.due}`]
    el.setAttribute('aria-label', said.filter(Boolean).join(', '))
  }

  function makeNote(data, note) {
    const el = make('div', 'note')
    el.append(make('span', '', note.why))
    if (note.fill) {
      const go = button('fill', 'Fill in')
      go.onclick = (event) => {
        event.stopPropagation()
        forget(data.id)
        open(data.id, true)
      }
      el.append(go)
    }
    const close = button('close', '×', 'Close')
    close.onclick = (event) => {
      event.stopPropagation()
      forget(data.id)
      cards.get(data.id)?.el.focus()
    }
    el.append(close)
    return el
  }

  function forget(id) {
    if (!notes.delete(id)) return
    const found = cards.get(id)
    if (found) fill(found)
  }

  // Gliding: cards that changed their place move there, so that the eye can follow

  function places() {
    const found = new Map()
    if (!shown || isCalm()) return found
    for (const [id, { el }] of cards) {
      if (found.size > MOST_ANIMATED * 4) break
      const box = el.getBoundingClientRect()
      if (box.width && box.bottom > 0 && box.top < innerHeight) found.set(id, box)
    }
    return found
  }

  function glide(before) {
    let left = MOST_ANIMATED
    for (const [id, was] of before) {
      const found = cards.get(id)
      if (!found) continue
      const now = found.el.getBoundingClientRect()
      const [x, y] = [was.left - now.left, was.top - now.top]
      if ((!x && !y) || !now.width || !left--) continue
      found.el.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], { duration: found.slides ? 420 : 220, easing: 'cubic-bezier(.2,.7,.2,1)' })
      found.slides = false
    }
  }

  // Moving

  const mayMove = (id) => Boolean(shown?.moves && cards.get(id)?.data.moves)
  const goal = (move) => move.next ?? move.to
  const standsIn = (id) => (moves.has(id) ? goal(moves.get(id)) : cards.get(id)?.home)

  /** Put the card there at once and ask the server; the answer confirms it or lets it slide back. */
  function pend(id, to, { pause = 0, version } = {}) {
    const card = cards.get(id)
    if (!card || !columns.has(to) || !mayMove(id)) return
    forget(id)
    const move = moves.get(id)
    clearTimeout(move?.pause)
    if (move?.n) {
      move.next = to // asked for once the first step is answered
    } else if (to === card.home && version === undefined) {
      moves.delete(id)
    } else {
      const made = { n: 0, to, version: version ?? card.data.version }
      moves.set(id, made)
      made.pause = setTimeout(() => send(id, made), pause)
    }
    if (shown && version === undefined) {
      const before = places()
      drawCards(shown)
      glide(before)
    }
    announce(`${card.data.title} to ${columns.get(to).data.name}`)
  }

  function send(id, move) {
    move.n = ++count
    move.timer = setTimeout(() => giveUp(id, move), PATIENCE_MS)
    const open = [...moves].filter(([, each]) => each.n).map(([lead, each]) => ({ n: each.n, id: lead, version: each.version, to: each.to }))
    wall.emit('moves', { mount, moves: open })
  }

  function giveUp(id, move) {
    if (moves.get(id) !== move) return
    moves.delete(id)
    notes.set(id, { why: 'No answer yet. It shows here when it is saved.' })
    if (cards.has(id)) cards.get(id).text = ''
    if (shown) drawCards(shown)
  }

  function step(id, by) {
    const order = [...columns.values()]
    const to = order[columns.get(standsIn(id)).place + by]
    if (!to) return
    to.el.classList.remove('folded')
    pend(id, to.id, { pause: STEP_PAUSE_MS })
    to.el.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    focusCard(id)
  }

  // Drag and drop

  const cardAt = (event) => event.target.closest?.('.card')
  const columnAt = (event) => event.target.closest?.('.column')
  const idOf = (el) => Number(el.dataset.lead)
  const unmark = () => row.querySelectorAll('.aimed').forEach((el) => el.classList.remove('aimed'))

  row.addEventListener('dragstart', (event) => {
    const el = cardAt(event)
    if (!el || !mayMove(idOf(el)) || moves.get(idOf(el))?.n) return event.preventDefault()
    closeMenu()
    dragged = idOf(el)
    event.dataTransfer.effectAllowed = 'move'
    event.dataTransfer.setData('text/plain', cards.get(dragged).data.title)
    requestAnimationFrame(() => el.classList.add('dragged'))
    row.classList.add('dragging')
  })
  row.addEventListener('dragover', (event) => {
    const el = columnAt(event)
    if (dragged === null || !el) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'move'
    if (!el.classList.contains('aimed')) {
      unmark()
      el.classList.add('aimed')
    }
  })
  row.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget || !row.contains(event.relatedTarget)) unmark()
  })
  row.addEventListener('drop', (event) => {
    const el = columnAt(event)
    if (dragged === null || !el) return
    event.preventDefault()
    const [id, to] = [dragged, Number(el.dataset.stage)]
    letGo()
    if (standsIn(id) !== to) pend(id, to)
    flush()
  })
  row.addEventListener('dragend', () => {
    letGo()
    flush()
  })

  function letGo() {
    if (dragged !== null) cards.get(dragged)?.el.classList.remove('dragged')
    dragged = null
    row.classList.remove('dragging')
    unmark()
  }

  function flush() {
    const data = waiting
    waiting = null
    if (data) take(data)
  }

  // Opening, focus, keys

  function open(id, edits) {
    if (id !== openId && isTyping() && !confirm('What you typed beside the board is not saved. Leave it behind?')) return
    markOpen(id)
    window.__throughlineBeside?.ask(id, edits)
  }

  const isTyping = () =>
    Object.entries(window.__throughlineTyped ?? {}).some(([name, form]) => form.isTyped && document.querySelector(`.st-key-${name} [data-testid=stForm]`))

  function markOpen(id) {
    openId = id
    for (const card of cards.values()) card.el.classList.toggle('open', card.id === id)
  }

  row.addEventListener('click', (event) => {
    const el = cardAt(event)
    if (!el || event.target.closest('.note')) return
    focusCard(idOf(el))
    if (event.target.closest('.dots')) openMenu(idOf(el), event.target.closest('.dots'))
    else open(idOf(el))
  })
  row.addEventListener('focusin', (event) => {
    const el = cardAt(event)
    if (el) {
      focusId = idOf(el)
      roving()
    }
  })

  /** One card of the wall is where Tab leads to; arrows go on from there. */
  function roving() {
    if (!cards.has(focusId)) focusId = row.querySelector('.card') ? idOf(row.querySelector('.card')) : null
    for (const card of cards.values()) card.el.tabIndex = card.id === focusId ? 0 : -1
  }

  function focusCard(id) {
    focusId = id
    roving()
    cards.get(id)?.el.focus({ preventScroll: false })
  }

  row.addEventListener('keydown', (event) => {
    const el = event.target.closest?.('.card')
    if (!el || event.target !== el) return
    const id = idOf(el)
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (event.altKey && sideways) {
      event.preventDefault()
      step(id, sideways)
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return
    } else if (sideways) {
      event.preventDefault()
      goAside(el, sideways)
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      const next = event.key === 'ArrowDown' ? el.nextElementSibling : el.previousElementSibling
      if (next) focusCard(idOf(next))
    } else if (event.key === 'Home' || event.key === 'End') {
      event.preventDefault()
      focusCard(idOf(event.key === 'Home' ? el.parentElement.firstElementChild : el.parentElement.lastElementChild))
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      open(id)
    } else if (event.key.toLowerCase() === 'm') {
      event.preventDefault()
      openMenu(id, el.querySelector('.dots') ?? el)
    } else if (event.key === 'Escape' && openId) {
      markOpen(null)
      window.__throughlineBeside?.ask(0)
    }
  })

  function goAside(el, by) {
    const at = [...el.parentElement.children].indexOf(el)
    const order = [...columns.values()]
    for (let place = columns.get(standsIn(idOf(el))).place + by; order[place]; place += by) {
      const { el: column, body } = order[place]
      if (column.classList.contains('folded') || !body.children.length) continue
      focusCard(idOf(body.children[Math.min(at, body.children.length - 1)]))
      column.scrollIntoView({ block: 'nearest', inline: 'nearest' })
      return
    }
  }

  // The menu: for fingers, mouse and keyboard alike

  function openMenu(id, by) {
    closeMenu()
    if (!mayMove(id)) return
    const at = by.getBoundingClientRect()
    const list = make('div', 'menu')
    list.setAttribute('role', 'menu')
    list.setAttribute('aria-label', `Move ${cards.get(id).data.title} to`)
    list.append(make('div', 'menu-title', 'Move to'))
    for (const column of columns.values()) {
      const item = button(`item k-${column.data.kind}`)
      item.setAttribute('role', 'menuitem')
      item.style.setProperty('--step', `${column.data.tint}%`)
      item.append(make('i', 'dot'), make('span', '', column.data.name))
      item.disabled = column.id === standsIn(id)
      item.onclick = () => {
        closeMenu()
        pend(id, column.id)
        focusCard(id)
      }
      list.append(item)
    }
    const shade = make('div', 'shade')
    shade.onclick = () => closeMenu(true)
    root.append(shade, list)
    list.style.left = `${Math.max(8, Math.min(at.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`
    list.style.top = `${at.bottom + list.offsetHeight + 8 < innerHeight ? at.bottom + 4 : Math.max(8, at.top - list.offsetHeight - 4)}px`
    menu = { id, list, shade }
    list.querySelector('.item:not(:disabled)')?.focus()
    list.onkeydown = (event) => {
      const items = [...list.querySelectorAll('.item:not(:disabled)')]
      const place = items.indexOf(event.target)
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (event.key === 'Escape' || event.key === 'Tab') {
        event.preventDefault()
        closeMenu(true)
      } else if (by) {
        event.preventDefault()
        items[(place + by + items.length) % items.length].focus()
      }
    }
  }

  function closeMenu(goesBack) {
    if (!menu) return
    menu.list.remove()
    menu.shade.remove()
    const { id } = menu
    menu = null
    if (goesBack) focusCard(id)
  }

  // Size: the wall ends where the window ends

  function sizeUp() {
    const top = root.getBoundingClientRect().top + document.querySelector('[data-testid=stMain]')?.scrollTop || 0
    root.style.setProperty('--room', `${Math.max(innerHeight - top - 18, Math.min(520, innerHeight * 0.78))}px`)
  }
  const onResize = () => {
    closeMenu()
    sizeUp()
  }
  addEventListener('resize', onResize)
  const watch = new ResizeObserver(sizeUp) // the filters above may take another line
  watch.observe(root)
  let scrolling = 0
  row.addEventListener('scroll', () => {
    cancelAnimationFrame(scrolling)
    scrolling = requestAnimationFrame(() => {
      if (!bar.offsetHeight) return
      const middle = row.getBoundingClientRect().left + row.clientWidth / 2
      markChip([...columns.values()].find(({ el }) => el.getBoundingClientRect().right > middle))
    })
  })

  function remembered(name) {
    try {
      return localStorage.getItem(`throughline.board.${name}`)
    } catch {
      return null
    }
  }
  function remember(name, value) {
    try {
      localStorage.setItem(`throughline.board.${name}`, value)
    } catch {
      // a browser that keeps nothing: the column opens anew each time
    }
  }

  function end() {
    removeEventListener('resize', onResize)
    watch.disconnect()
    for (const move of moves.values()) {
      clearTimeout(move.timer)
      clearTimeout(move.pause)
    }
  }

  return wall
}
