/** The bytes [start, end) of an answer. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What `Range` asks for (RFC 9110 §14.1.2). Undefined: the whole answer, because there is no range, more than one, or one that
 * cannot be understood; 'unsatisfiable': it begins behind the end.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})$/i.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) {
    return undefined;
  }
  if (match[1] === '') {
    const lastBytes = Number(match[2]);
    return lastBytes === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - lastBytes), end: sizeBytes };
  }
  const start = Number(match[1]);
  const last = match[2] === '' ? sizeBytes - 1 : Number(match[2]);
  if (last < start && match[2] !== '') {
    return undefined;
  }
  return start >= sizeBytes ? 'unsatisfiable' : { start, end: Math.min(sizeBytes, last + 1) };
}

/** Whether a list of entity tags (`If-None-Match`) names this one. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}
