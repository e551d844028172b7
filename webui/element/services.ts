import type { Services } from '../player/session/source.ts';

/** Port of the script: the main port serves everything, MediaMTX's HLS port only HLS and live fMP4. */
export type ScriptPort = 'main port' | 'HLS port';

interface ServiceAttributes {
  /** Address of the box; default: that of the script. */
  readonly base: string | null;
  /** Addresses of services on other ports, or `none`. */
  readonly webrtcBase: string | null;
  readonly hlsBase: string | null;
}

/** @param script URL of the script's folder */
export function servicesOf(
  { base, webrtcBase, hlsBase }: ServiceAttributes,
  script: string,
  port: ScriptPort,
): Services {
  const box = new URL(base ?? '.', base === null ? script : document.baseURI);
  const isWhole = base !== null || port === 'main port';
  return {
    webrtc: serviceAt(webrtcBase, isWhole ? 'webrtc/' : undefined, box),
    hls: serviceAt(hlsBase, isWhole ? 'hls/' : './', box),
  };
}

function serviceAt(attribute: string | null, usual: string | undefined, box: URL): string | undefined {
  if (attribute === 'none') {
    return undefined;
  }
  const url = attribute === null ? usual && new URL(usual, asFolder(box)) : new URL(attribute, document.baseURI);
  return url ? asFolder(url).href : undefined;
}

function asFolder(url: URL): URL {
  const folder = new URL(url);
  folder.pathname = url.pathname.replace(/\/?$/, '/');
  folder.search = '';
  folder.hash = '';
  return folder;
}
