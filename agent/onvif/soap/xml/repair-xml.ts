import { PerchError } from '../../../base/errors.ts';

const NAME = String.raw`[A-Za-z_:\u00c0-\ufffd][\w:.\-\u00b7-\ufffd]*`;
const START = new RegExp(String.raw`<(${NAME})(?=[\s/>])`, 'y');
/** A name ends before a character that no name has: without that the pattern would try each beginning of a long one. */
const END = new RegExp(String.raw`</\s*(${NAME})(?![\w:.\-\u00b7-\ufffd])[^<>]*>`, 'y');
const ATTRIBUTE = new RegExp(String.raw`(${NAME})(?:\s*=\s*(["']|[^\s"'<>]*))?`, 'y');
const BLANKS = /\s*/y;
const TAG_END = /(\/?)\s*>/y;
const CDATA = '<![CDATA[';
const KNOWN_ENTITY = /^(?:amp|lt|gt|quot|apos)$/;

/**
 * Makes a camera's document well-formed, by these rules in one pass. What comes before the declaration or the first tag, and after the end
 * of the root element, is dropped, and so are comments, declarations and characters that XML does not allow. An `&` that begins no known
 * reference, and a `<` that begins no tag, are text. Of attributes of one name the first counts; one may lack its quotes. An end tag closes
 * what is open within it; one that fits nothing is dropped. At a cut end all open elements end, without a text that may be cut.
 * @throws PerchError if that would take too long
 */
export function repairXml(document: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it removes them
  const text = document.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
  return new Repair(text).run();
}

class Repair {
  readonly #text: string;
  #at: number;
  readonly #written: string[] = [];
  readonly #open: string[] = [];
  /** How often each name is in `#open`. */
  readonly #counts = new Map<string, number>();
  /** By delimiter: where it occurs next, as last searched. */
  readonly #found = new Map<string, number>();
  #scansLeft: number;

  constructor(text: string) {
    this.#text = text;
    // A declaration after that is part of a text.
    this.#at = Math.max(0, text.slice(0, 1_024).indexOf('<?xml'));
    // Tags that turn out to be text are scanned again.
    this.#scansLeft = 4 * text.length;
  }

  run(): string {
    while (this.#at < this.#text.length) {
      const next = this.#find('<', this.#at);
      if (next < 0) {
        // A text that nothing follows is cut, or comes after the document.
        break;
      }
      this.#write(escapeText(this.#text.slice(this.#at, next)));
      this.#at = next;
      if (this.#takeMarkup() && this.#open.length === 0) {
        break;
      }
    }
    this.#closeTo(0);
    return this.#written.join('');
  }

  /** @returns whether an element has ended */
  #takeMarkup(): boolean {
    const text = this.#text;
    if (this.#find('>', this.#at) < 0) {
      // The document is cut here.
      this.#at = text.length;
      return false;
    }
    if (text.startsWith(CDATA, this.#at)) {
      this.#takeCdata();
      return false;
    }
    if (text.startsWith('<!', this.#at) || text.startsWith('<?', this.#at)) {
      const isComment = text.startsWith('<!--', this.#at);
      this.#skip(isComment ? '-->' : text[this.#at + 1] === '?' ? '?>' : '>');
      return false;
    }
    const [end, name = ''] = matchAt(END, text, this.#at) ?? [];
    if (end !== undefined) {
      this.#at += end.length;
      return this.#close(name);
    }
    const isTag = this.#takeStart();
    if (isTag === undefined) {
      this.#write('&lt;');
      this.#at += 1;
    }
    return isTag === 'empty';
  }

  #takeCdata(): void {
    const from = this.#at + CDATA.length;
    const end = this.#skip(']]>');
    if (end >= 0) {
      const raw = this.#text.slice(from, Math.max(from, end));
      this.#write(raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
    }
  }

  /** @returns undefined if this is no tag */
  #takeStart(): 'open' | 'empty' | undefined {
    const text = this.#text;
    const [begin, name = ''] = matchAt(START, text, this.#at) ?? [];
    if (begin === undefined) {
      return undefined;
    }
    const attributes = new Map<string, string>();
    let at = this.#at + begin.length;
    for (;;) {
      at += matchAt(BLANKS, text, at)?.[0].length ?? 0;
      const end = matchAt(TAG_END, text, at);
      if (end) {
        this.#at = at + end[0].length;
        this.#writeStart(name, attributes, end[1] === '/');
        return end[1] === '/' ? 'empty' : 'open';
      }
      if (at >= text.length || text[at] === '<') {
        this.#spend(at - this.#at);
        return undefined;
      }
      const [attribute = '?', key, value = ''] = matchAt(ATTRIBUTE, text, at) ?? [];
      at += attribute.length;
      if (key !== undefined) {
        const quoted = value === '"' || value === "'" ? this.#quoted(value, at) : undefined;
        at += quoted === undefined ? 0 : quoted.length + 1;
        if (!attributes.has(key)) {
          attributes.set(key, quoted ?? value);
        }
      }
    }
  }

  /** Up to the closing quote. */
  #quoted(quote: string, from: number): string | undefined {
    const end = this.#text.indexOf(quote, from);
    this.#spend((end < 0 ? this.#text.length : end) - from);
    return end < 0 ? undefined : this.#text.slice(from, end);
  }

  #writeStart(name: string, attributes: ReadonlyMap<string, string>, isEmpty: boolean): void {
    const list = [...attributes].map(
      ([key, value]) => ` ${key}="${escapeText(value).replaceAll('<', '&lt;').replaceAll('"', '&quot;')}"`,
    );
    this.#written.push(`<${name}${list.join('')}${isEmpty ? '/' : ''}>`);
    if (!isEmpty) {
      this.#open.push(name);
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
  }

  #close(name: string): boolean {
    if (!this.#counts.get(name)) {
      return false;
    }
    this.#closeTo(this.#open.lastIndexOf(name));
    return true;
  }

  #closeTo(depth: number): void {
    while (this.#open.length > depth) {
      const name = this.#open.pop() as string;
      this.#counts.set(name, (this.#counts.get(name) ?? 0) - 1);
      this.#written.push(`</${name}>`);
    }
  }

  /** Text outside the root element is none. */
  #write(text: string): void {
    if (this.#open.length > 0) {
      this.#written.push(text);
    }
  }

  /** @returns where the delimiter begins; -1: nowhere, so the rest is skipped */
  #skip(delimiter: string): number {
    const end = this.#find(delimiter, this.#at);
    this.#at = end < 0 ? this.#text.length : end + delimiter.length;
    return end;
  }

  /** Like `indexOf`, for places that only grow: a document is searched once for each delimiter. */
  #find(delimiter: string, from: number): number {
    const known = this.#found.get(delimiter);
    if (known !== undefined && (known < 0 || known >= from)) {
      return known;
    }
    const found = this.#text.indexOf(delimiter, from);
    this.#found.set(delimiter, found);
    return found;
  }

  #spend(characters: number): void {
    this.#scansLeft -= characters;
    if (this.#scansLeft < 0) {
      throw new PerchError('badInput', 'not an XML document: too many tags without an end');
    }
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Keeps the references of XML and those to its characters; any other `&` is itself. */
function escapeText(text: string): string {
  return text
    .replace(/&(?:(\w{1,32}|#\d{1,7}|#x[\da-f]{1,6});)?/gi, (all, name: string | undefined) => {
      if (name === undefined) {
        return '&amp;';
      }
      if (!name.startsWith('#')) {
        return KNOWN_ENTITY.test(name) ? all : name === 'nbsp' ? '&#160;' : `&amp;${name};`;
      }
      const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
      return isAllowed(code) ? `&#${code};` : '';
    })
    .replaceAll(']]>', ']]&gt;');
}

/** XML 1.0 §2.2, Char. */
function isAllowed(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}
