import type { Ref } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { cameraCall } from '../../../api-client/camera-addresses.ts';
import { paths } from '../../../api-client/paths.ts';
import { fetchJson, RequestError } from '../../../api-client/request.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { settingsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { toast, toastWithLink } from '../../../ui/feedback/toast.tsx';
import { attempt, toastFailure } from '../../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { sentences } from '../../../words/sentences.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { HOUR_MS } from '../../../words/units.ts';
import { type CameraFacts, useConfigAtFirst } from './data/camera-data.ts';
import { deleteRecordings } from './data/delete-recordings.ts';
import { type RemovalTexts, removalTexts } from './data/retention-text.ts';

const LIST = 'v3/cameras/list?itemsPerPage=1000';
const MORNING_HOUR = 8;

interface RemovalProps {
  readonly name: string;
  readonly title: string;
  readonly facts: CameraFacts;
  readonly onClosed: () => void;
  readonly onRemoved: () => void;
}

/** Pauses or removes the camera, with or without its recordings. */
export function RemovalSheet({ name, title, facts, onClosed, onRemoved }: RemovalProps) {
  const t = camerasWords.value;
  const [outcome, setOutcome] = useState<'paused' | 'removed'>();
  const [asks, setAsks] = useState(!facts.item);
  const closed = () => {
    onClosed();
    if (outcome === 'removed') {
      onRemoved();
    }
  };
  return (
    <Sheet title={facts.item ? t.pauseOrRemove : t.removeOnly} onClosed={closed} isDone={outcome !== undefined}>
      {facts.item && (
        <Pause name={name} title={title} isPaused={facts.item.state === 'paused'} onDone={() => setOutcome('paused')} />
      )}
      {asks ? (
        <Remove name={name} title={title} facts={facts} onDone={() => setOutcome('removed')} />
      ) : (
        <Row danger title={t.removeOnly} onClick={() => setAsks(true)} />
      )}
    </Sheet>
  );
}

interface PauseProps {
  readonly name: string;
  readonly title: string;
  readonly isPaused: boolean;
  readonly onDone: () => void;
}

function Pause({ name, title, isPaused, onDone }: PauseProps) {
  const t = camerasWords.value;
  const patch = (body: object) => fetchJson(cameraCall('patch', name), { method: 'PATCH', body });
  const set = (paused: boolean, pausedUntil: string | null = null) =>
    attempt(async () => {
      await patch(paused ? { paused, pausedUntil } : { paused });
      showPaused(name, paused, pausedUntil);
      const { isPaused: isPausedNow, goesOn } = camerasWords.peek();
      toast(paused ? isPausedNow(title) : goesOn(title), () => {
        patch({ paused: !paused }).then(() => showPaused(name, !paused, null), toastFailure);
      });
      onDone();
    });
  if (isPaused) {
    return <Button onClick={() => void set(false)}>{t.goOn}</Button>;
  }
  const until = (ms: number) => void set(true, new Date(ms).toISOString());
  return (
    <section class="choices">
      <h3>{t.pause}</h3>
      <p class="dim small">{t.pauseText}</p>
      <div class="together">
        <Row title={t.pauseHour} onClick={() => until(Date.now() + HOUR_MS)} />
        <Row title={t.pauseMorning} onClick={() => until(tomorrowMorning())} />
        <Row title={t.pauseOpen} onClick={() => void set(true)} />
      </div>
    </section>
  );
}

function tomorrowMorning(): number {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  return day.setHours(MORNING_HOUR, 0, 0, 0);
}

interface RemoveProps {
  readonly name: string;
  readonly title: string;
  readonly facts: CameraFacts;
  readonly onDone: () => void;
}

/** Asks before it removes. */
function Remove({ name, title, facts, onDone }: RemoveProps) {
  const { language } = i18n();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const t = camerasWords.value;
  const stay = removalTexts(useConfigAtFirst(name)?.value.recordDeleteAfter);
  const [fate, setFate] = useState<'keep' | 'delete'>('keep');
  const [isBusy, setBusy] = useState(false);
  const sub = facts.item?.sub ?? cameras.value?.find((camera) => camera.name === name)?.sub?.name;
  const streams = sub === undefined ? [name] : [name, sub];
  const uses = (facts.use?.items ?? []).filter(({ path }) => streams.includes(path));
  const recorded = facts.use ? uses.map(({ path }) => path) : streams;
  const bytes = uses.reduce((sum, use) => sum + use.bytes, 0);
  const remove = async () => {
    setBusy(true);
    try {
      if (!(await forget(name))) {
        toast(t.demoStays);
        setBusy(false);
        return;
      }
    } catch (error) {
      toastFailure(error);
      setBusy(false);
      return;
    }
    await (fate === 'delete' ? deleted(recorded, title, language) : kept(name, stay, title));
    paths.value = paths.peek()?.filter((path) => !streams.includes(path.name));
    onDone();
  };
  return (
    <fieldset class="choices">
      <legend>{t.remove(title)}</legend>
      <p class="dim small">{t.removeTitle}</p>
      <RecordingsChoice input={first} text={stay.choice} isChosen={fate === 'keep'} onChoose={() => setFate('keep')} />
      <RecordingsChoice
        text={t.removeDelete(byteSize(bytes, language))}
        isChosen={fate === 'delete'}
        onChoose={() => setFate('delete')}
      />
      <Button kind="main" danger busy={isBusy && t.removing} onClick={() => void remove()}>
        {t.removeButton}
      </Button>
    </fieldset>
  );
}

interface RecordingsChoiceProps {
  readonly input?: Ref<HTMLInputElement>;
  readonly text: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

const RecordingsChoice = ({ input, text, isChosen, onChoose }: RecordingsChoiceProps) => (
  <label class="radio-card">
    <input ref={input ?? null} type="radio" name="recordings" checked={isChosen} onChange={onChoose} />
    <span>{text}</span>
  </label>
);

/** Removes the paths of the camera. @returns false if it is the demo camera, which stays */
async function forget(name: string): Promise<boolean> {
  try {
    await fetchJson(cameraCall('forget', name), { method: 'DELETE' });
  } catch (error) {
    // Already removed, by an attempt without a response or by someone else.
    if (!(error instanceof RequestError && error.status === 404)) {
      throw error;
    }
    const { items } = await fetchJson<{ items: readonly { readonly path: string }[] }>(LIST);
    return !items.some(({ path }) => path === name);
  }
  return true;
}

async function kept(name: string, stay: RemovalTexts, title: string): Promise<void> {
  const undo = () => {
    fetchJson(cameraCall('restore', name), { method: 'POST', body: {} }).then(
      () => toast(camerasWords.peek().isBack(title)),
      () => toast(camerasWords.peek().notBack),
    );
  };
  toast(stay.done(title), undo);
}

/** The camera is removed, whatever happens to its recordings. */
async function deleted(streams: readonly string[], title: string, language: string): Promise<void> {
  const t = camerasWords.peek();
  let [bytes, keptCount] = [0, 0];
  try {
    for (const stream of streams) {
      const gone = await deleteRecordings(stream);
      bytes += gone.bytes;
      keptCount += gone.kept;
    }
  } catch {
    toastWithLink(t.removedNotDeleted(title), t.toStorage, settingsLink('storage'));
    return;
  }
  toast(sentences([t.removedAll(title, byteSize(bytes, language)), keptCount > 0 && t.keptSome(keptCount)]));
}

/** Shows the camera as paused or resumed before the box's next response. */
function showPaused(name: string, paused: boolean, pausedUntil: string | null): void {
  paths.value = paths.peek()?.map((path) => (path.name === name ? { ...path, paused, pausedUntil } : path));
}
