const GROUP_CHARS = 4;
const LINE_GROUPS = 4;

/**
 * A SHA-256 fingerprint as people compare two of them: four lines of four groups.
 *
 * @param fingerprint `AB:CD:…`, as certificates give it
 */
export function fingerprintLines(fingerprint: string): readonly string[] {
  const groups = fingerprint.replaceAll(':', '').match(new RegExp(`.{1,${GROUP_CHARS}}`, 'g')) ?? [];
  const lines: string[] = [];
  for (let i = 0; i < groups.length; i += LINE_GROUPS) {
    lines.push(groups.slice(i, i + LINE_GROUPS).join(' '));
  }
  return lines;
}
