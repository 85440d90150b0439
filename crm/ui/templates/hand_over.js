const part = (tag) => document.querySelector(`.st-key-lead_write_texts ${tag}`)?.value ?? ''
const encoded = (text) => encodeURIComponent(text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, ''))

function link(to, longest) {
  const address = encoded(to.replace(/\s/g, '')).replace(/%40/g, '@')
  const subject = encoded(part('input').replace(/[\r\n\u2028\u2029]+/g, ' '))
  const body = encoded(part('textarea').replace(/\r\n?|\n/g, '\r\n'))
  const made = `mailto:${address}?subject=${subject}&body=${body}`
  return made.length > longest ? null : made
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const box = part('textarea') === text ? document.querySelector('.st-key-lead_write_texts textarea') : null
    box?.select()
    return Boolean(box && document.execCommand('copy'))
  }
}

export default function ({ data, parentElement }) {
  const [mail, copier, said] = ['.mail', '.copy', '[role=status]'].map((name) => parentElement.querySelector(name))
  const copied = async (before) => {
    const done = await copy(part('textarea'))
    said.textContent = before + (done ? 'Copied: paste it into your mail.' : 'Select the text and copy it.')
  }
  copier.onclick = () => copied('')
  mail.onclick = () => {
    const made = link(data.to, data.longest)
    if (made === null) return copied('Too long to hand over. ')
    mail.dataset.link = made
    const opener = document.createElement('a')
    opener.href = made
    opener.click()
    said.textContent = ''
  }
}
