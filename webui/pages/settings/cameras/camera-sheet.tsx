import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CameraItem } from '../../../api-client/api-types.ts';
import { type ChangedBy, changedBy, type Tagged } from '../../../api-client/config.ts';
import { onServerEvent } from '../../../api-client/server-events.ts';
import { type Camera, hasSound, pictureSize, titleOf, videoCodec } from '../../../cameras/camera.ts';
import { cameras } from '../../../cameras/cameras.ts';
import type { CameraRow } from '../../../features/contract.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { choiceProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { settingsLink } from '../../../shell/route.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { lazyPart } from '../../../ui/lazy/lazy-page.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { forwardsWords } from '../../../words/settings/forwards.ts';
import { sourceWords } from '../../../words/settings/sources.ts';
import { CameraFoot, type CameraForm, cameraForm, toastCameraSaved, useSaveEffect } from './camera-form.tsx';
import { CameraTrouble, Incomplete } from './camera-trouble.tsx';
import { type CameraFacts, hostOf, type SubSheet, useCameraFacts, useConfigAtFirst } from './data/camera-data.ts';
import type { PathConfig, RecordWhen } from './data/camera-settings.ts';
import { useForwards } from './data/forwards-data.ts';
import { KeepFields } from './retention-fields.tsx';

/** Leads to the servers that a path is forwarded to, with a summary. */
function ForwardsRow({ name, onClick }: { readonly name: string; readonly onClick: () => void }) {
  const t = forwardsWords.value;
  const { items } = useForwards(name);
  const failing = items?.filter(({ state }) => state === 'error').length ?? 0;
  const count = items?.length ?? 0;
  const text = failing > 0 ? t.someFail(failing, count) : count > 0 ? t.servers(count) : t.noServer;
  return <Row title={t.forwarding} text={text} {...(failing > 0 ? { tone: 'warn' as const } : {})} onClick={onClick} />;
}

const loadSheets = () => import('./camera-sheets.ts');
const ConnectionSheet = lazyPart(() => loadSheets().then((sheets) => sheets.ConnectionSheet));
const ForwardsSheet = lazyPart(() => loadSheets().then((sheets) => sheets.ForwardsSheet));
const PictureSheet = lazyPart(() => loadSheets().then((sheets) => sheets.PictureSheet));
const RemovalSheet = lazyPart(() => loadSheets().then((sheets) => sheets.RemovalSheet));
const SourceSheet = lazyPart(() => loadSheets().then((sheets) => sheets.SourceSheet));

interface CameraSheetProps {
  readonly name: string;
  /** Rows of features. */
  readonly rows: readonly CameraRow[];
  /** @param isGone the camera is removed */
  readonly onClosed: (isGone: boolean) => void;
}

/** Settings of a camera, with rows that lead to further pages. */
export function CameraSheet({ name, rows, onClosed: leaveRoute }: CameraSheetProps) {
  const t = camerasWords.value;
  const isClosed = useRef(false);
  // The loaded sheet may replace the empty one while that is closing: only one of them may go back.
  const onClosed = (isGone = false) => {
    if (!isClosed.current) {
      isClosed.current = true;
      leaveRoute(isGone);
    }
  };
  const seen = useConfigAtFirst(name);
  const camera = cameras.value?.find((one) => one.name === name);
  const isUsable = seen && seen.value.error === undefined;
  if (isUsable) {
    return <Loaded name={name} rows={rows} camera={camera} seen={seen} onClosed={onClosed} />;
  }
  return (
    <Sheet title={camera?.title ?? titleOf({ name, title: null })} onClosed={() => onClosed()} hasRoute>
      {seen === undefined && <div class="skeleton block" />}
      {seen === null && <p>{t.notThere}</p>}
      {seen && (
        <>
          <p>{t.wasMisconfigured}</p>
          <p class="dim small break">{seen.value.error}</p>
          <a class="button" href={settingsLink('system', 'file')}>
            {t.toFile}
          </a>
        </>
      )}
    </Sheet>
  );
}

interface LoadedProps extends CameraSheetProps {
  readonly camera: Camera | undefined;
  readonly seen: Tagged<PathConfig>;
}

function Loaded({ name, rows, camera, seen, onClosed }: LoadedProps) {
  const facts = useCameraFacts(name);
  const edited = useMemo(() => cameraForm(name, seen), []);
  const saveEffect = useSaveEffect(name, edited);
  const restarts = useRef(false);
  const [deeper, setDeeper] = useState<SubSheet | CameraRow>();
  const [isGone, setGone] = useState(false);
  // Preloads the sheets, so that a tap opens them at once.
  useEffect(() => void loadSheets().catch(() => {}), []);
  useEffect(() => {
    const refresh = (by?: ChangedBy) => void edited.refresh(by).catch(() => {});
    const leave = [
      onServerEvent('config', (news) => news.path === name && news.change !== 'removed' && refresh(changedBy(news))),
      onServerEvent('gap', () => refresh()),
    ];
    return () => {
      for (const one of leave) {
        one();
      }
    };
  }, [edited]);
  useEffect(() => {
    if (isGone) {
      onClosed(true);
    }
  }, [isGone]);
  if (isGone) {
    return null;
  }
  const title = camera?.title ?? facts.title;
  const OfFeature = typeof deeper === 'object' ? deeper.sheet : undefined;
  const close = () => setDeeper(undefined);
  return (
    <>
      <FormSheet
        title={title}
        form={edited.form}
        foot={<CameraFoot edited={edited} saveEffect={saveEffect.value} />}
        onClosed={() => onClosed(false)}
        // Remembers the effect: after saving no changes remain, so it would be `nothing`.
        check={async () => {
          restarts.current = saveEffect.peek() === 'restart';
          return true;
        }}
        onSaved={() => toastCameraSaved(name, edited, restarts.current)}
        hasRoute
      >
        {camera && <CameraTrouble camera={camera} facts={facts} onOpenPart={setDeeper} />}
        <Incomplete item={facts.item} />
        <Fields edited={edited} facts={facts} name={name} />
        <div class="rows-end">
          <SoundSwitch edited={edited} camera={camera} />
          <SubSheetRows camera={camera} config={edited.config} facts={facts} rows={rows} onOpenPart={setDeeper} />
        </div>
      </FormSheet>
      {deeper === 'picture' && camera && (
        <PictureSheet camera={camera} config={edited.config} facts={facts} onClosed={close} />
      )}
      {deeper === 'connection' && facts.item && (
        <ConnectionSheet item={facts.item} title={title} onClosed={close} onChanged={facts.again} />
      )}
      {OfFeature && <OfFeature name={name} camera={camera} onClosed={close} />}
      {deeper === 'source' && <SourceSheet name={name} sub={camera?.sub?.name} onClosed={close} />}
      {deeper === 'forwards' && <ForwardsSheet name={name} onClosed={close} />}
      {deeper === 'removal' && (
        <RemovalSheet name={name} title={title} facts={facts} onClosed={close} onRemoved={() => setGone(true)} />
      )}
    </>
  );
}

interface FieldsProps {
  readonly edited: CameraForm;
  readonly facts: CameraFacts;
  readonly name: string;
}

function Fields({ edited: { form, config }, facts, name }: FieldsProps) {
  const t = camerasWords.value;
  const values = form.values.value;
  const records: Readonly<Record<RecordWhen, string>> = {
    always: t.recordAlways,
    motion: t.recordMotion,
    no: t.recordOff,
  };
  return (
    <>
      <TextField
        label={t.name}
        name="name"
        autocomplete="off"
        value={values.name}
        onInput={(text) => form.set('name', text)}
        onLeave={() => form.leave('name')}
        isLocked={form.saving.value !== 'no'}
        wrong={form.wrong.value.name}
      />
      <ConflictLine form={form} name="name" format={(text) => text} />
      <SegmentedControl
        label={t.record}
        options={(['always', 'motion', 'no'] as const).map((value) => ({ value, text: records[value] }))}
        {...choiceProps(form, 'record')}
      />
      <ConflictLine form={form} name="record" format={(when) => records[when]} />
      <KeepFields form={form} config={config} facts={facts} name={name} />
    </>
  );
}

/** With audio, or with audio turned off, which hides it. */
function SoundSwitch({
  edited: { form },
  camera,
}: {
  readonly edited: CameraForm;
  readonly camera: Camera | undefined;
}) {
  const t = camerasWords.value;
  const { sound } = form.values.value;
  const has = !sound || [camera?.main, camera?.sub].some((path) => path && hasSound(path));
  // Audio is unknown while the camera reconnects with it.
  const had = useRef(false);
  had.current ||= has;
  return had.current ? (
    <>
      <Switch title={t.sound} text={t.soundText} isOn={sound} onChange={(isOn) => form.set('sound', isOn)} />
      <ConflictLine form={form} name="sound" format={(isOn) => (isOn ? t.on : t.off)} />
    </>
  ) : null;
}

interface SubSheetProps {
  readonly camera: Camera | undefined;
  readonly config: PathConfig;
  readonly facts: CameraFacts;
  readonly rows: readonly CameraRow[];
  readonly onOpenPart: (where: SubSheet | CameraRow) => void;
}

function SubSheetRows({ camera, config, facts: { item }, rows, onOpenPart }: SubSheetProps) {
  const t = camerasWords.value;
  const small = camera?.sub && pictureSize(camera.sub);
  const picture = camera && [pictureSize(camera.main), videoCodec(camera.main), small && t.smallSize(small)];
  const canTurn = item?.description?.hasPtz === true;
  const connection = item && [item.description?.manufacturer, hostOf(item), item.onvif && 'ONVIF'];
  return (
    <>
      {camera && <Row title={t.picture} text={line(picture ?? [])} onClick={() => onOpenPart('picture')} />}
      {camera &&
        rows.map((one) => (
          <one.row key={one} name={camera.name} config={config} canTurn={canTurn} onClick={() => onOpenPart(one)} />
        ))}
      {item && hasLogin(item) && (
        <Row title={t.connection} text={line(connection ?? [])} onClick={() => onOpenPart('connection')} />
      )}
      {config.source !== undefined && !item?.onvif && (
        <Row title={sourceWords.value.source} text={sourceText(config.source)} onClick={() => onOpenPart('source')} />
      )}
      {camera && <ForwardsRow name={camera.name} onClick={() => onOpenPart('forwards')} />}
      <Row danger={!item} title={item ? t.pauseOrRemove : t.removeOnly} onClick={() => onOpenPart('removal')} />
    </>
  );
}

/** Whether the login can be changed apart from the address; protocols other than RTSP have it there. */
const hasLogin = ({ onvif, source }: CameraItem): boolean => onvif !== null || /^rtsp/i.test(source);

const sourceText = (source: string): string =>
  source === 'publisher' ? sourceWords.value.published : source.replace(/\?.*$/, '');

const line = (parts: readonly (string | null | undefined)[]): string | undefined =>
  parts.filter(Boolean).join(' · ') || undefined;
