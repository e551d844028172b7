import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ObjectsStatus } from '../../../agent/features/objects/routes.ts';
import { patchAddress } from '../../api-client/camera-addresses.ts';
import { patchConfig } from '../../api-client/config.ts';
import { saveErrorText, serverText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { type Camera, isDemoCamera } from '../../cameras/camera.ts';
import { cameras } from '../../cameras/cameras.ts';
import { useMotionReports } from '../../cameras/motion-reports.ts';
import { settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import { i18n } from '../../words/i18n.ts';
import { sentences } from '../../words/sentences.ts';
import { camerasWords } from '../../words/settings/cameras.ts';
import {
  choiceOf,
  costText,
  isBlind,
  kindsText,
  OBJECT_KINDS,
  type ObjectsConfig,
  secondsText,
  serverOf,
} from './objects-data.ts';
import { objectsWords } from './words.ts';

const STATUS = 'v3/objects';
const ObjectsSheet = lazyPart(() => import('./objects-sheet.tsx').then((sheet) => sheet.ObjectsSheet));

/** Which cameras have objects, what that costs on this box, and why it does not work. */
export function ObjectsPage() {
  const t = objectsWords.value;
  const [isUnderWay, setUnderWay] = useState(false);
  const { value: status, again } = usePolled<ObjectsStatus>(STATUS, isUnderWay ? 'fast' : 'steady', {
    news: ['config'],
  });
  const isNowUnderWay = status?.state === 'fetching' || status?.state === 'testing';
  useEffect(() => setUnderWay(isNowUnderWay), [isNowUnderWay]);
  const server = status && serverOf(status);
  return (
    <section class="objects-page">
      <LowerPageHeader title={t.title} href={settingsLink('cameras')} above={camerasWords.value.cameras} />
      <p class="dim">{sentences([t.about, status && !server && t.stays])}</p>
      {server && <p class="warn">{t.leaves(server)}</p>}
      <div role="status">{status ? <State status={status} again={again} /> : <div class="skeleton block" />}</div>
      <Cameras status={status} again={again} />
    </section>
  );
}

interface StateProps {
  readonly status: ObjectsStatus;
  readonly again: () => void;
}

function State({ status, again }: StateProps) {
  const t = objectsWords.value;
  const { language } = i18n();
  const { state, reason, progress, pictureMs } = status;
  const [isBusy, setBusy] = useState(false);
  const retry = async () => {
    setBusy(true);
    await attempt(() => fetchJson('v3/objects/retry', { method: 'POST', body: {} }));
    setBusy(false);
    again();
  };
  const trouble = (title: string, text: string, why: string | null = reason) => (
    <MessageCard icon="alert" tone="warn" title={title} text={[text, ' ', why && serverText(t.reason, why)]}>
      <Button busy={isBusy && '…'} onClick={() => void retry()}>
        {t.tryAgain}
      </Button>
    </MessageCard>
  );
  const waiting = (title: string, text: string, bar?: ComponentChildren) => (
    <MessageCard icon="clock" tone="calm" title={title} text={text}>
      {bar}
    </MessageCard>
  );
  switch (state) {
    case 'fetching':
      return waiting(t.fetching, t.fetchingText, <progress value={progress ?? 0} aria-label={t.fetching} />);
    case 'testing':
      return waiting(t.testing, t.testingText);
    case 'tooSlow':
      return trouble(t.tooSlow, t.tooSlowText(secondsText(pictureMs ?? 0, language)), null);
    case 'tooLittleMemory':
      return trouble(t.tooLittleMemory, t.tooLittleMemoryText);
    case 'missing':
      return trouble(t.missing, t.missingText);
    case 'failed':
      return trouble(t.failed, t.failedText);
    default:
      return <p class="costs">{costText(status, t, language) ?? t.isTested}</p>;
  }
}

interface PathObjects extends ObjectsConfig {
  readonly name: string;
  /** The path is invalid; all other keys are missing then. */
  readonly error?: string;
}

/** The demo camera and paths that are not in the file have no objects. */
function Cameras({ status, again }: { readonly status: ObjectsStatus | undefined; readonly again: () => void }) {
  const t = objectsWords.value;
  const { value, again: readAgain } = usePolled<{ readonly items: readonly PathObjects[] }>(
    'v3/config/paths/list?itemsPerPage=1000',
    'normal',
    { news: ['config'] },
  );
  const reports = useMotionReports();
  const [open, setOpen] = useState<Camera>();
  const rows = (cameras.value ?? []).flatMap((camera) => {
    const config = value?.items.find(({ name, error }) => name === camera.name && error === undefined);
    return config && !isDemoCamera(camera.main) ? [{ camera, config }] : [];
  });
  const changed = () => {
    readAgain();
    again();
  };
  return (
    <>
      <h3>{t.cameras}</h3>
      {cameras.value && value && rows.length === 0 && <p class="dim">{t.noCameras}</p>}
      {rows.length > 0 && (
        <SearchedCard items={rows} textOf={({ camera }) => camera.title}>
          {({ camera, config }) => (
            <CameraLine
              key={camera.name}
              camera={camera}
              config={config}
              reports={reports(camera)}
              isByCamera={status?.cameras.some(({ name, by }) => name === camera.name && by === 'camera') === true}
              onOpen={() => setOpen(camera)}
              onChanged={changed}
            />
          )}
        </SearchedCard>
      )}
      {open && (
        <ObjectsSheet
          name={open.name}
          camera={open}
          onClosed={() => {
            setOpen(undefined);
            changed();
          }}
        />
      )}
    </>
  );
}

/** What a camera had before it was switched off here, by its path. */
const lastChoice = new Map<string, NonNullable<ObjectsConfig['objects']>>();

interface CameraLineProps {
  readonly camera: Camera;
  readonly config: ObjectsConfig;
  /** The camera reports motion itself. */
  readonly reports: boolean | undefined;
  readonly isByCamera: boolean;
  readonly onOpen: () => void;
  readonly onChanged: () => void;
}

/** A switch, and a button to what is looked for. */
function CameraLine({ camera: { name, title }, config, reports, isByCamera, onOpen, onChanged }: CameraLineProps) {
  const t = objectsWords.value;
  const { language } = i18n();
  const [wanted, setWanted] = useState<ObjectsConfig['objects']>();
  // Until the box reports the change.
  useEffect(() => setWanted(undefined), [JSON.stringify(config.objects)]);
  const objects = wanted ?? config.objects ?? [];
  const change = async (next: ObjectsConfig, before?: ObjectsConfig) => {
    const chosen = next.objects ?? [];
    setWanted(chosen);
    if (chosen.length === 0) {
      lastChoice.set(name, objects);
    }
    try {
      await patchConfig(patchAddress(name), next, undefined);
      const words = objectsWords.peek();
      const kinds = kindsText(next, words, language);
      const text = next.motionSource === 'stream' ? words.isOnInVideo : words.isOn;
      toast(chosen.length > 0 ? text(title, kinds) : words.isOff(title), before && (() => void change(before)));
    } catch (error) {
      toast(saveErrorText(error));
      setWanted(undefined);
    }
    onChanged();
  };
  const choose = (chosen: NonNullable<ObjectsConfig['objects']>) => {
    const next = choiceOf(chosen, config, reports);
    void change(next, { objects, ...(next.motionSource && { motionSource: config.motionSource ?? 'camera' }) });
  };
  const kinds = kindsText({ objects }, t, language);
  const note = isByCamera ? t.byCamera : wanted === undefined && isBlind(config, reports) && t.noMotion;
  return (
    <div class="switch-line">
      <Switch
        title={title}
        text={note && objects.length > 0 ? `${kinds} · ${note}` : kinds}
        isOn={objects.length > 0}
        onChange={(isOn) => choose(isOn ? (lastChoice.get(name) ?? OBJECT_KINDS) : [])}
      />
      <button class="round" type="button" aria-haspopup="dialog" aria-label={t.change(title)} onClick={onOpen}>
        <Icon name="go" />
      </button>
    </div>
  );
}
