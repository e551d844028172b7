const GROUP_CHARS = 4;
const LINE_GROUPS = 4;

/** A SHA-256 fingerprint for comparison by people: four lines of four groups. @param fingerprint `AB:CD:…`, as in certificates */
export function fingerprintLines(fingerprint: string): readonly string[] {
  const groups = fingerprint.replaceAll(':', '').match(new RegExp(`.{1,${GROUP_CHARS}}`, 'g')) ?? [];
  const lines: string[] = [];
  for (let i = 0; i < groups.length; i += LINE_GROUPS) {
    lines.push(groups.slice(i, i + LINE_GROUPS).join(' '));
  }
  return lines;
}
