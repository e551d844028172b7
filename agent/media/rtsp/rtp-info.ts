/** What a camera answers to PLAY about one track, RFC 2326 §12.33. */
export interface RtpInfo {
  readonly url: string;
  /** Sequence number of the first packet, or undefined if it is missing, or 0 or 1, which cameras write without meaning it. */
  readonly sequence: number | undefined;
}

export function parseRtpInfo(text: string): RtpInfo[] {
  return text.split(/,\s*(?=url\s*=)/i, 16).map((entry) => {
    const sequence = Number(/;\s*seq\s*=\s*(\d{1,5})(?!\d)/i.exec(entry)?.[1] ?? 0);
    const url = /^\s*url\s*=\s*"?([^;"]*)/i.exec(entry)?.[1] ?? '';
    return { url: url.trim(), sequence: sequence > 1 && sequence <= 0xffff ? sequence : undefined };
  });
}

/**
 * The sequence number of a track's first packet. Cameras name tracks by the whole URL, its end, or by their order only.
 * @param uri of SETUP
 */
export function firstSequence(
  infos: readonly RtpInfo[],
  uri: string,
  index: number,
  tracks: number,
): number | undefined {
  const end = endOf(uri);
  const named =
    infos.find(({ url }) => url === uri) ??
    infos.find(({ url }) => endOf(url) === end) ??
    (infos.length === tracks ? infos[index] : undefined);
  return named?.sequence;
}

const endOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);
