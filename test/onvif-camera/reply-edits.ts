import type { ReplyQuirks } from './quirks/replies.ts';
/** The SOAP 1.1 form of a fault. */
export function writeOldFault(subcode: string, reason: string, isSender: boolean): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"' +
    ' xmlns:ter="http://www.onvif.org/ver10/error"><s:Body><s:Fault>' +
    `<faultcode>${isSender ? 's:Client' : 's:Server'}</faultcode><faultstring>${reason}</faultstring>` +
    `<detail><ter:${subcode}/></detail></s:Fault></s:Body></s:Envelope>`
  );
}

/** The bytes that go out for a reply. */
export function editReply(text: string, { prefixes, around, spoils }: ReplyQuirks): Buffer {
  const spoilt = spoils ? SPOILERS[spoils](renamed(text, prefixes)) : Buffer.from(renamed(text, prefixes));
  switch (around) {
    case 'line break before':
      return Buffer.concat([Buffer.from('\r\n'), spoilt]);
    case 'nulls behind':
      return Buffer.concat([spoilt, Buffer.alloc(3)]);
    case 'byte order mark':
      return Buffer.concat([Buffer.from('\ufeff'), spoilt]);
    default:
      return spoilt;
  }
}

function renamed(text: string, prefixes: ReplyQuirks['prefixes']): string {
  if (prefixes === 'none') {
    return text
      .replace(/<(\/?)s:/g, '<$1')
      .replace('xmlns:s=', 'xmlns=')
      .replace(/<(\/?)(?:tds|trt|tr2|tptz|tev|timg):/g, '<$1');
  }
  return prefixes === 'SOAP-ENV'
    ? text.replace(/<(\/?)s:/g, '<$1SOAP-ENV:').replace('xmlns:s=', 'xmlns:SOAP-ENV=')
    : text;
}

const BOMB =
  '<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">' +
  '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]>';
const DEEP = 20_000;

const SPOILERS: Readonly<Record<NonNullable<ReplyQuirks['spoils']>, (text: string) => Buffer>> = {
  cut: (text) => Buffer.from(text.slice(0, text.length * 0.7)),
  // The attribute stands for the `&` of a name or an address.
  'bare ampersands': (text) =>
    Buffer.from(
      text.replaceAll('&amp;', '&').replace('<s:Body>', '<s:Body a="x&y<z" a="2"><!-- -- --><b>c & d < e&nbsp;</b>'),
    ),
  'undeclared prefixes': (text) => Buffer.from(text.replace(/ xmlns:\w+="[^"]*"/g, '')),
  'noise around': (text) => Buffer.from(`\0HTTP/1.1 <200> & OK\r\n\r\n${text}\r\n0\r\n<done & gone`),
  'no end': (text) => Buffer.from(text.slice(0, text.lastIndexOf('</s:Body'))),
  'document type': (text) => Buffer.from(text.replace('?>', '?><!DOCTYPE Envelope SYSTEM "file:///etc/passwd">')),
  'entity bomb': (text) => Buffer.from(text.replace('?>', `?>${BOMB}`).replace('<s:Body>', '<s:Body>&e;')),
  latin1: (text) =>
    Buffer.from(text.replace('UTF-8', 'ISO-8859-1').replace('<s:Body>', '<s:Body><!-- \u00e9 -->'), 'latin1'),
  utf16: (text) => Buffer.from(`\ufeff${text.replace('UTF-8', 'UTF-16')}`, 'utf16le'),
  html: () => Buffer.from('<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>'),
  empty: () => Buffer.alloc(0),
  'other answer': (text) => Buffer.from(text.replace(/<(\/?)(\w+):Get(\w+)Response/g, '<$1$2:GetOther$3Response')),
  'deep nesting': (text) =>
    Buffer.from(text.replace('<s:Body>', `<s:Body>${'<a>'.repeat(DEEP)}${'</a>'.repeat(DEEP)}`)),
};
