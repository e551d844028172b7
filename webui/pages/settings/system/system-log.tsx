import { useEffect, useRef, useState } from 'preact/hooks';
import { pageShown } from '../../../shell/page-state.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { followLog, type LogLine, type LogWish } from '../../../system/log-stream.ts';
import { saveFile } from '../../../ui/browser/save-file.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Choice } from '../../../ui/controls/choice.tsx';
import { copied } from '../../../ui/controls/clipboard.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { clockSeconds, number } from '../../../words/format.ts';
import { systemWords } from '../../../words/system.ts';
import { BackToSystem } from './back-to-system.tsx';

const MAX_LINES = 500;
const TYPED_MS = 300;
/** What happens, with those who come to watch and go. */
const VIEWERS = 'viewers';

/** The log as it is written, newest above. */
export function LogPage() {
  const say = systemWords.value;
  const { language } = voice();
  const [wish, setWish] = useState<LogFilter>({ level: 'info', path: '', text: '', viewers: 'no' });
  const { lines, isAway } = useLog(wish);
  const [held, setHeld] = useState<readonly LogLine[]>();
  const shown = held ?? lines;
  const newest = shown[0]?.number ?? 0;
  const fresh = held ? lines.filter((line) => line.number > newest).length : 0;
  return (
    <section class="log-page">
      <BackToSystem title={say.log} />
      <Filter wish={wish} onWish={(changed) => [setWish(changed), setHeld(undefined)]} />
      <div class="tools">
        <Button onClick={() => setHeld(held ? undefined : lines)}>
          {held ? say.logGoOn(number(fresh, 0, language)) : say.logHalt}
        </Button>
        <Button
          onClick={async () => {
            if (await copied(plainText(shown))) {
              toast(systemWords.peek().logCopied);
            }
          }}
        >
          {say.logCopy}
        </Button>
        <Button onClick={() => download(shown)}>{say.logDownload}</Button>
      </div>
      <p class="small warn" role="status">
        {isAway && say.logAway}
      </p>
      {shown.length === 0 && !isAway && <p class="dim">{say.logEmpty}</p>}
      <ol class="log-lines" reversed>
        {shown.map((line) => (
          <li key={line.number} data-level={line.level}>
            <time class="digits dim" dateTime={line.time}>
              {clockSeconds(Date.parse(line.time), language)}
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

function Filter({ wish, onWish }: { readonly wish: LogFilter; readonly onWish: (wish: LogFilter) => void }) {
  const say = systemWords.value;
  const [text, setText] = useState(wish.text);
  useEffect(() => {
    const timer = setTimeout(() => text !== wish.text && onWish({ ...wish, text }), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, wish]);
  const levels = [
    { value: 'error', text: say.logBad },
    { value: 'warn', text: say.logWarn },
    { value: 'info', text: say.logInfo },
    { value: VIEWERS, text: say.logViewers },
    { value: 'debug', text: say.logAll },
  ];
  const paths = [{ value: '', text: say.logEvery }].concat(
    (cameras.value ?? []).map(({ name, title }) => ({ value: name, text: title })),
  );
  return (
    <div class="filter">
      <Choice
        class="chip"
        label={say.logLevel}
        value={wish.level === 'info' && wish.viewers === 'yes' ? VIEWERS : wish.level}
        options={levels}
        onChange={(level) =>
          onWish({
            ...wish,
            level: level === VIEWERS ? 'info' : level,
            viewers: level === VIEWERS || level === 'debug' ? 'yes' : 'no',
          })
        }
      />
      <Choice
        class="chip"
        label={say.logCamera}
        value={wish.path}
        options={paths}
        onChange={(path) => onWish({ ...wish, path })}
      />
      <TextField label={say.logFind} name="find" autocomplete="off" value={text} onInput={setText} />
    </div>
  );
}

function useLog(wish: LogFilter): { readonly lines: readonly LogLine[]; readonly isAway: boolean } {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [isAway, setAway] = useState(false);
  const isShown = pageShown.value;
  const waiting = useRef<LogLine[]>([]);
  useEffect(() => {
    if (!isShown) {
      return undefined;
    }
    const stop = new AbortController();
    // A flood of lines is drawn once a frame.
    let frame = 0;
    const draw = () => {
      frame = 0;
      const come = waiting.current.splice(0).reverse();
      setLines((before) => [...come, ...before].slice(0, MAX_LINES));
    };
    const listener = {
      onAll: (all: readonly LogLine[]) => {
        waiting.current = [];
        setLines(all);
        setAway(false);
      },
      onLine: (line: LogLine) => {
        waiting.current.push(line);
        frame ||= requestAnimationFrame(draw);
      },
      onAway: () => setAway(true),
    };
    void followLog(wish, listener, stop.signal);
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [wish, isShown]);
  return { lines, isAway };
}

const plainText = (lines: readonly LogLine[]): string =>
  lines
    .toReversed()
    .map(({ time, level, path, text }) => [time, level, path, text].filter((word) => word !== null).join(' '))
    .join('\n');

const download = (lines: readonly LogLine[]): void =>
  saveFile(new File([`${plainText(lines)}\n`], 'perch-log.txt', { type: 'text/plain' }));
