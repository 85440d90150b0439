const HEADS = ['Customer', 'Market', 'Segment', 'Orders', 'Lifetime', 'Last order', 'Last contact', 'Lead']

function cell(row, kind, text, title) {
  const td = document.createElement('td')
  td.className = kind
  td.textContent = text
  if (title) td.title = title
  row.append(td)
  return td
}

function button(act, id, text, label) {
  const made = document.createElement('button')
  made.type = 'button'
  made.dataset.act = act
  made.dataset.id = id
  made.textContent = text
  if (label) made.setAttribute('aria-label', label)
  return made
}

function line(each) {
  const row = document.createElement('tr')
  row.dataset.id = each.id
  cell(row, 'name', '').append(button('open', each.id, each.name))
  cell(row, 'market', each.market, each.country)
  cell(row, 'segment', each.segment)
  cell(row, 'number', each.orders)
  cell(row, 'number usd', each.usd)
  cell(row, 'ordered', each.ordered || '–', each.orderedAt)
  cell(row, each.waits ? 'contacted waits' : 'contacted', each.contacted, each.contactedAt)
  const lead = cell(row, 'lead', '')
  if (each.leadId) lead.append(button('lead', each.id, each.lead, `Lead of ${each.name}: ${each.lead}`))
  else if (each.mayMake) lead.append(button('make', each.id, '+ lead', `Make a lead of ${each.name}`))
  else lead.textContent = each.lead || '–'
  return row
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.list')
  const said = JSON.stringify(data.rows)
  if (root.said !== said) {
    root.said = said
    const table = document.createElement('table')
    const head = table.createTHead().insertRow()
    HEADS.forEach((words, place) => {
      const th = document.createElement('th')
      th.scope = 'col'
      th.textContent = words
      if (place === 3 || place === 4) th.className = 'number'
      head.append(th)
    })
    const body = table.createTBody()
    body.append(...data.rows.map(line))
    root.replaceChildren(table)
  }
  root.onclick = (event) => {
    const asked = event.target.closest('button')
    const row = event.target.closest('tbody tr')
    if (asked) setTriggerValue('act', { kind: asked.dataset.act, id: Number(asked.dataset.id) })
    else if (row && !String(getSelection())) setTriggerValue('act', { kind: 'open', id: Number(row.dataset.id) })
  }
}
