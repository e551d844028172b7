import { useEffect, useState } from 'preact/hooks';
import { fetchJson } from '../../api-client/request.ts';
import { retryUntilAnswered } from '../../api-client/retry.ts';

/** Black on white in both themes, for scanners. The box draws it. */
export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const [{ size, path }, setCode] = useState({ size: 1, path: '' });
  useEffect(() => {
    const stop = new AbortController();
    const request = { method: 'POST', body: { text }, signal: stop.signal } as const;
    retryUntilAnswered(() => fetchJson<{ size: number; path: string }>('v3/qr', request), stop.signal).then(
      (code) => code && setCode(code),
      () => {},
    );
    return () => stop.abort();
  }, [text]);
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}
