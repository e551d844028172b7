import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ImportForecast } from '../api-client/api-types.ts';
import { actionErrorText } from '../api-client/error-text.ts';
import { fetchJson, RequestError } from '../api-client/request.ts';
import { Button } from '../ui/controls/button.tsx';
import { copyingWords } from '../words/settings/copying.ts';
import { LeftOutFiles } from './left-out-files.tsx';
import { COUNT_MS } from './transfer-start.tsx';

interface LookProps {
  /** Name of the folder or box. */
  readonly from: string;
  readonly body: object;
  /** Chooses another one. */
  readonly other: string;
  readonly onOther: () => void;
  /** What is said instead of an error, by its reason. */
  readonly failures?: Readonly<Record<string, string>>;
  /** Shown if there are no recordings. */
  readonly nothing: ComponentChildren;
  readonly children: (found: ImportForecast) => ComponentChildren;
}

/** What a folder or a box has. Another one is another element: give it a key. */
export function Look({ from, body, other, onOther, failures = {}, nothing, children }: LookProps) {
  const t = copyingWords.value;
  const [found, setFound] = useState<ImportForecast>();
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const options = { method: 'POST', body, signal, limitMs: COUNT_MS } as const;
    fetchJson<ImportForecast>('v3/recordings/transfer/look', options).then(
      (answer) => signal.aborted || setFound(answer),
      (error: unknown) => signal.aborted || setFailure(error),
    );
    return () => stop.abort();
  }, []);
  const known = failure instanceof RequestError ? failures[failure.why ?? ''] : undefined;
  return (
    <>
      <p class="looked-into">
        <b class="folder">
          <bdi>{from}</bdi>
        </b>
        <Button kind="text" onClick={onOther}>
          {other}
        </Button>
      </p>
      <div role="status">
        {!found && failure === undefined && <p class="dim">{t.looking}</p>}
        {failure !== undefined && <p class="bad small">{known ?? actionErrorText(failure)}</p>}
        {found && found.own > 0 && <p class="dim">{t.ownFound(found.own)}</p>}
      </div>
      {found?.groups.length === 0 && nothing}
      {found && found.leftOut.count > 0 && (
        <div class="card padded">
          <LeftOutFiles leftOut={found.leftOut} title={t.notImportable(found.leftOut.count)} />
        </div>
      )}
      {found && found.groups.length > 0 && children(found)}
    </>
  );
}
