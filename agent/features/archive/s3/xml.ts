/** S3's answers are flat lists of elements without attributes, comments or CDATA. */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text of the first element of a name. */
export function elementText(xml: string, name: string): string | undefined {
  const found = contentOf(xml, name, 0);
  return found && unescaped(found.content);
}

/** The contents of all elements of a name, which do not nest. */
export function* elementsOf(xml: string, name: string): Generator<string> {
  for (let found = contentOf(xml, name, 0); found; found = contentOf(xml, name, found.end)) {
    yield found.content;
  }
}

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one] ?? '&quot;');

function contentOf(xml: string, name: string, from: number): { content: string; end: number } | undefined {
  // Uses indexOf, because a regular expression could take quadratic time for a hostile response.
  const open = `<${name}>`;
  const start = xml.indexOf(open, from);
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : { content: xml.slice(start + open.length, end), end: end + name.length + 3 };
}

const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) {
      return ENTITIES[String(name).toLowerCase()] ?? whole;
    }
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
