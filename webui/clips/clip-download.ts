import { useEffect, useRef, useState } from 'preact/hooks';
import { RequestError, UI_HEADER } from '../api-client/request.ts';
import { clipAddress } from '../api-client/urls.ts';
import { saveAs, saveFile } from '../ui/browser/save-file.ts';
import { type Clip, fileName } from './clip.ts';

/** Larger downloads are left to the browser, which writes them to disk: a page would hold them in memory. */
const HELD_BYTES = 256e6;
/** The size is not requested while an end is being dragged. */
const REST_MS = 300;

/** Size in bytes, or undefined until known. @param name undefined to request nothing */
export function useClipSize(name: string | undefined, { startMs, endMs }: Clip): number | undefined {
  const [size, setSize] = useState<number>();
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      // The last size stays; the strip reports an unreachable box.
      const bytes =
        name !== undefined && (await clipSize(name, { startMs, endMs }, stop.signal).catch(() => undefined));
      if (!stop.signal.aborted && bytes !== false) {
        setSize((before) => bytes ?? before);
      }
    }, REST_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [name, startMs, endMs]);
  return name === undefined ? undefined : size;
}

export interface ClipDownload {
  /** Received share, 0 to 1. */
  readonly share: number | undefined;
  readonly hasFailed: boolean;
  /** Downloaded, waiting for a tap: `navigator.share` needs a recent user gesture. */
  readonly isReady: boolean;
  /** Files can be shared, and this one is small enough. */
  readonly canSend: boolean;
  readonly download: () => void;
  readonly send: () => void;
  readonly cancel: () => void;
}

interface State {
  readonly share?: number;
  readonly hasFailed?: boolean;
  readonly ready?: File;
}

/** Downloads a clip, then saves or shares it. */
export function useClipDownload(name: string, title: string, clip: Clip, sizeBytes: number | undefined): ClipDownload {
  const [state, setState] = useState<State>({});
  const stop = useRef<AbortController | undefined>(undefined);
  const cancel = () => {
    stop.current?.abort();
    setState({});
  };
  useEffect(() => cancel, [name, clip.startMs, clip.endMs]);
  const fetchFile = async (then: (file: File) => Promise<State> | State) => {
    const { signal } = newStop(stop);
    setState({ share: 0 });
    let shown = 0;
    const onShare = (share: number) => {
      if (share - shown >= 0.01 && !signal.aborted) {
        shown = share;
        setState({ share });
      }
    };
    const next = await fetchClip(name, clip, { signal, onShare })
      .then((blob) => then(new File([blob], fileName(title, clip.startMs, 'mp4'), { type: blob.type })))
      .catch(() => ({ hasFailed: true }));
    if (!signal.aborted) {
      setState(next);
    }
  };
  const isLarge = (sizeBytes ?? 0) > HELD_BYTES;
  return {
    share: state.share,
    hasFailed: state.hasFailed === true,
    isReady: state.ready !== undefined,
    cancel,
    canSend: !isLarge && canShareFiles(),
    download: () =>
      isLarge
        ? saveAs(clipFileAddress(name, clip), fileName(title, clip.startMs, 'mp4'))
        : void fetchFile((file) => {
            saveFile(file);
            return {};
          }),
    send: () => (state.ready ? void handOver(state.ready).then(setState) : void fetchFile(handOver)),
  };
}

function newStop(stop: { current?: AbortController | undefined }): AbortController {
  stop.current?.abort();
  stop.current = new AbortController();
  return stop.current;
}

/** Only in a secure context. */
const canShareFiles = (): boolean =>
  navigator.canShare?.({ files: [new File([], 'a.mp4', { type: 'video/mp4' })] }) ?? false;

async function handOver(file: File): Promise<State> {
  try {
    await navigator.share({ files: [file] });
    return {};
  } catch (error) {
    // Cancelled by the user.
    return error instanceof DOMException && error.name === 'AbortError' ? {} : { ready: file };
  }
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

/** Gaps are left out of the file. */
export const clipFileAddress = (name: string, { startMs, endMs }: Range): string =>
  `${clipAddress(name, new Date(startMs).toISOString(), (endMs - startMs) / 1000)}&gaps=skip`;

/** Size of the file in bytes; undefined without recordings. */
async function clipSize(name: string, clip: Range, signal: AbortSignal): Promise<number | undefined> {
  const { ok, headers } = await fetch(clipFileAddress(name, clip), { method: 'HEAD', headers: UI_HEADER, signal });
  const size = Number(headers.get('Content-Length') ?? Number.NaN);
  return ok && Number.isFinite(size) ? size : undefined;
}

interface FetchOptions {
  readonly signal: AbortSignal;
  /** From 0 to 1. */
  readonly onShare: (share: number) => void;
}

/** Rejects an incomplete response. */
async function fetchClip(name: string, clip: Range, { signal, onShare }: FetchOptions): Promise<Blob> {
  const response = await fetch(clipFileAddress(name, clip), { headers: UI_HEADER, signal });
  const size = Number(response.headers.get('Content-Length') ?? 0);
  if (!response.ok || !response.body) {
    throw new RequestError(response.status, `HTTP status ${response.status}`);
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
    throw new RequestError(0, `${bytes} of ${size} bytes have come`);
  }
  return new Blob(parts, { type: 'video/mp4' });
}
