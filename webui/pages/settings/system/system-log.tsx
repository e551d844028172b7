import { useEffect, useRef, useState } from 'preact/hooks';
import type { LogItem } from '../../../api-client/api-types.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { isPageVisible, nowMs } from '../../../shell/page-state.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import { followLog, type LogFilter } from '../../../system/log-stream.ts';
import { saveFile } from '../../../ui/browser/save-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Select } from '../../../ui/controls/choice.tsx';
import { copyToClipboard } from '../../../ui/controls/clipboard.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { SearchedChoice } from '../../../ui/lists/searched-choice.tsx';
import { momentSeconds } from '../../../words/dates.ts';
import { number } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { systemWords } from '../../../words/settings/system.ts';

const TYPED_MS = 300;
/** Value of the choice of level `info` with lines about viewers. */
const VIEWERS = 'viewers';

/** Live log, newest first. */
export function LogPage() {
  const t = systemWords.value;
  const { language } = i18n();
  const [filter, setFilter] = useState<LogFilter>({ level: 'info', path: '', text: '', viewers: 'no' });
  const { lines, isAway } = useLog(filter);
  const [held, setHeld] = useState<readonly LogItem[]>();
  const shown = held ?? lines;
  const newest = shown[0]?.number ?? 0;
  const fresh = held ? lines.filter((line) => line.number > newest).length : 0;
  return (
    <section class="log-page">
      <BackToSystem title={t.log} />
      <Filter filter={filter} onFilter={(changed) => [setFilter(changed), setHeld(undefined)]} />
      <div class="tools">
        <Button onClick={() => setHeld(held ? undefined : lines)}>
          {held ? t.logGoOn(number(fresh, 0, language)) : t.logHalt}
        </Button>
        <Button
          onClick={async () => {
            if (await copyToClipboard(plainText(shown))) {
              toast(systemWords.peek().logCopied);
            }
          }}
        >
          {t.copyAction}
        </Button>
        <Button onClick={() => download(shown)}>{t.logDownload}</Button>
      </div>
      <p class="small warn" role="status">
        {isAway && t.logAway}
      </p>
      {shown.length === 0 && !isAway && <p class="dim">{t.logEmpty}</p>}
      <ol class="log-lines" reversed>
        {shown.map((line) => (
          <li key={line.number} data-level={line.level}>
            <time class="digits dim" dateTime={line.time}>
              {momentSeconds(Date.parse(line.time), nowMs.value, i18n())}
            </time>
            <span class="level">{line.level}</span>
            <span class="what">
              {line.path !== null && <bdi class="dim">{line.path} </bdi>}
              <bdi lang="en">{line.text}</bdi>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Filter({ filter, onFilter }: { readonly filter: LogFilter; readonly onFilter: (filter: LogFilter) => void }) {
  const t = systemWords.value;
  const [text, setText] = useState(filter.text);
  useEffect(() => {
    const timer = setTimeout(() => text !== filter.text && onFilter({ ...filter, text }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, filter]);
  const levels = [
    { value: 'error', text: t.logBad },
    { value: 'warn', text: t.logWarn },
    { value: 'info', text: t.logInfo },
    { value: VIEWERS, text: t.logViewers },
    { value: 'debug', text: t.logAll },
  ];
  const paths = [{ value: '', text: t.logEvery }].concat(
    (cameras.value ?? []).map(({ name, title }) => ({ value: name, text: title })),
  );
  return (
    <div class="filter">
      <Select
        class="chip"
        label={t.logLevel}
        value={filter.level === 'info' && filter.viewers === 'yes' ? VIEWERS : filter.level}
        options={levels}
        onChange={(level) =>
          onFilter({
            ...filter,
            level: level === VIEWERS ? 'info' : level,
            viewers: level === VIEWERS || level === 'debug' ? 'yes' : 'no',
          })
        }
      />
      <SearchedChoice
        class="chip"
        label={t.logCamera}
        value={filter.path}
        options={paths}
        onChange={(path) => onFilter({ ...filter, path })}
      />
      <TextField label={t.logFind} name="find" autocomplete="off" value={text} onInput={setText} />
    </div>
  );
}

function useLog(filter: LogFilter): { readonly lines: readonly LogItem[]; readonly isAway: boolean } {
  const [lines, setLines] = useState<readonly LogItem[]>([]);
  const [isAway, setAway] = useState(false);
  const isShown = isPageVisible.value;
  const waiting = useRef<LogItem[]>([]);
  useEffect(() => {
    if (!isShown) {
      return undefined;
    }
    const stop = new AbortController();
    // Rendered once per frame.
    let frame = 0;
    const draw = () => {
      frame = 0;
      const come = waiting.current.splice(0).reverse();
      setLines((before) => [...come, ...before].slice(0, 500));
    };
    const listener = {
      onAll: (all: readonly LogItem[]) => {
        waiting.current = [];
        setLines(all);
        setAway(false);
      },
      onLine: (line: LogItem) => {
        waiting.current.push(line);
        frame ||= requestAnimationFrame(draw);
      },
      onAway: () => setAway(true),
    };
    void followLog(filter, listener, stop.signal);
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [filter, isShown]);
  return { lines, isAway };
}

const plainText = (lines: readonly LogItem[]): string =>
  lines
    .toReversed()
    .map(({ time, level, path, text }) => [time, level, path, text].filter((word) => word !== null).join(' '))
    .join('\n');

const download = (lines: readonly LogItem[]): void =>
  saveFile(new File([`${plainText(lines)}\n`], 'perch-log.txt', { type: 'text/plain' }));
