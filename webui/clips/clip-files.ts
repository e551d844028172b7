import { clipAddress } from '../api-client/urls.ts';
import { BoxError, UI_HEADER } from '../api-client/request.ts';

interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** Gaps are left out of the file, so that it is whole. */
export const clipFileAddress = (name: string, { startMs, endMs }: Stretch): string =>
  `${clipAddress(name, new Date(startMs).toISOString(), (endMs - startMs) / 1000)}&gaps=skip`;

/** How large the file would be; undefined when nothing was recorded then. */
export async function clipSize(name: string, clip: Stretch, signal: AbortSignal): Promise<number | undefined> {
  const { ok, headers } = await fetch(clipFileAddress(name, clip), { method: 'HEAD', headers: UI_HEADER, signal });
  const size = Number(headers.get('Content-Length') ?? Number.NaN);
  return ok && Number.isFinite(size) ? size : undefined;
}

interface FetchOptions {
  readonly signal: AbortSignal;
  /** Told 0 to 1. */
  readonly onShare: (share: number) => void;
}

/** The whole file; whatever is less than that is thrown away. */
export async function fetchClip(name: string, clip: Stretch, { signal, onShare }: FetchOptions): Promise<Blob> {
  const response = await fetch(clipFileAddress(name, clip), { headers: UI_HEADER, signal });
  const size = Number(response.headers.get('Content-Length') ?? 0);
  if (!response.ok || !response.body) {
    throw new BoxError(response.status, `the box answered ${response.status}`);
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    parts.push(value);
    bytes += value.length;
    onShare(Math.min(1, bytes / size));
  }
  if (bytes !== size) {
    throw new BoxError(0, `${bytes} of ${size} bytes have come`);
  }
  return new Blob(parts, { type: 'video/mp4' });
}
