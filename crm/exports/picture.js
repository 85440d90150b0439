/* Draws a chart as a picture: title above, what its figures are below, on white whatever the page's theme. The same in the worker's Chromium and in
   the reader's own browser. `picture`: {figure: {data, layout}, title, footer: [lines], width, height}; answers a data URL of a PNG. */
async function drawPicture(Plotly, picture) {
  const scale = 2, pad = 28, font = 'Inter, "Segoe UI", "Helvetica Neue", Arial, sans-serif'
  const { width, height } = picture, inner = width - 2 * pad
  const layout = { ...picture.figure.layout, width: inner, height, autosize: false, paper_bgcolor: '#fff', plot_bgcolor: '#fff' }
  const plot = new Image()
  plot.src = await Plotly.toImage({ data: picture.figure.data, layout }, { format: 'png', width: inner, height, scale })
  await plot.decode()
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d')
  const wrapped = (text, style) => {
    pen.font = style
    const lines = ['']
    for (const word of text.split(' ')) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word
      if (!lines.at(-1) || pen.measureText(longer).width <= inner) lines[lines.length - 1] = longer
      else lines.push(word)
    }
    return lines
  }
  const titled = `600 20px ${font}`, said = `12.5px ${font}`
  const head = wrapped(picture.title, titled), foot = picture.footer.flatMap((line) => wrapped(line, said))
  const top = pad + 28 * head.length, whole = top + 8 + height + 12 + 18 * foot.length + pad
  canvas.width = width * scale
  canvas.height = whole * scale
  pen.scale(scale, scale)
  pen.fillStyle = '#fff'
  pen.fillRect(0, 0, width, whole)
  pen.textBaseline = 'top'
  const write = (lines, style, colour, from, step) => {
    pen.font = style
    pen.fillStyle = colour
    lines.forEach((line, number) => pen.fillText(line, pad, from + number * step, inner))
  }
  write(head, titled, '#16181D', pad, 28)
  pen.drawImage(plot, pad, top + 8, inner, height)
  write(foot, said, '#667085', top + 8 + height + 12, 18)
  return canvas.toDataURL('image/png')
}
