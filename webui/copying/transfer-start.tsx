import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { TransferForecast } from '../api-client/api-types.ts';
import { actionErrorText } from '../api-client/error-text.ts';
import { fetchJson } from '../api-client/request.ts';
import { Button } from '../ui/controls/button.tsx';
import { copyingWords } from '../words/settings/copying.ts';

/** The box counts the recordings, which takes long with many. */
export const COUNT_MS = 300_000;

interface TransferStartProps {
  readonly request: object;
  readonly action: string;
  /** What will be done. */
  readonly children: (forecast: TransferForecast) => ComponentChildren;
  readonly onStarted: () => void;
}

/** What a transfer would copy, whether it fits, and its start. Another request is another element: give it a key. */
export function TransferStart({ request, action, children, onStarted }: TransferStartProps) {
  const t = copyingWords.value;
  const [forecast, setForecast] = useState<TransferForecast>();
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const options = { method: 'POST', body: request, signal, limitMs: COUNT_MS } as const;
    fetchJson<TransferForecast>('v3/recordings/transfer/foresee', options).then(
      (found) => signal.aborted || setForecast(found),
      (error: unknown) => signal.aborted || setFailure(error),
    );
    return () => stop.abort();
  }, []);
  const start = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await fetchJson('v3/recordings/transfer', { method: 'POST', body: request, limitMs: COUNT_MS });
      onStarted();
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  return (
    <>
      <div role="status">
        {forecast && children(forecast)}
        {!forecast && failure === undefined && <p class="dim">{t.counting}</p>}
        {failure !== undefined && <p class="bad small">{actionErrorText(failure)}</p>}
      </div>
      <Button kind="main" isOff={!forecast} busy={isBusy && t.starting} onClick={() => void start()}>
        {action}
      </Button>
    </>
  );
}
