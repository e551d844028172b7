import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type ChangedBy, changedBy, type Tagged } from '../../../api-client/config.ts';
import { onNews } from '../../../api-client/server-events.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { type Camera, hasSound, pictureSize, titleOf, videoCodec } from '../../../cameras/camera.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { settingsLink } from '../../../shell/route.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Segment } from '../../../ui/controls/segment.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { ConnectionSheet } from './camera-connection.tsx';
import { type CameraFacts, type Deeper, hostOf, useCameraFacts, useConfigAtFirst } from './camera-data.ts';
import { CameraFoot, useForeseen } from './camera-form.tsx';
import { type CameraForm, cameraForm, tellCameraSaved } from './camera-form.ts';
import { KeepFields } from './retention-fields.tsx';
import { PictureSheet } from './camera-picture.tsx';
import { RemovalSheet } from './camera-removal.tsx';
import type { CameraSettings, PathConfig, RecordWhen } from './camera-settings.ts';
import { CameraTrouble, Incomplete } from './camera-trouble.tsx';

interface CameraSheetProps {
  readonly name: string;
  readonly onClosed: () => void;
}

/** One camera: what it is called, what is recorded of it, and what lies deeper. */
export function CameraSheet({ name, onClosed }: CameraSheetProps) {
  const say = camerasWords.value;
  const seen = useConfigAtFirst(name);
  const camera = cameras.value?.find((one) => one.name === name);
  const isUsable = seen && seen.value.error === undefined;
  if (isUsable) {
    return <Loaded name={name} camera={camera} seen={seen} onClosed={onClosed} />;
  }
  return (
    <Sheet title={camera?.title ?? titleOf({ name, title: null })} onClosed={onClosed} hasPlace>
      {seen === undefined && <div class="skeleton block" />}
      {seen === null && <p>{say.notThere}</p>}
      {seen && (
        <>
          <p>{say.wasMisconfigured}</p>
          <p class="dim small break">{seen.value.error}</p>
          <a class="button" href={settingsLink('system', 'file')}>
            {say.toFile}
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

function Loaded({ name, camera, seen, onClosed }: LoadedProps) {
  const facts = useCameraFacts(name);
  const edited = useMemo(() => cameraForm(name, seen), []);
  const foreseen = useForeseen(name, edited);
  const [deeper, setDeeper] = useState<Deeper>();
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    const look = (by?: ChangedBy) => void edited.look(by).catch(() => {});
    const leave = [
      onNews('config', (news) => news.path === name && news.change !== 'removed' && look(changedBy(news))),
      onNews('gap', () => look()),
    ];
    return () => {
      for (const one of leave) {
        one();
      }
    };
  }, [edited]);
  useEffect(() => {
    if (isGone) {
      onClosed();
    }
  }, [isGone]);
  if (isGone) {
    return null;
  }
  const title = camera?.title ?? facts.title;
  const close = () => setDeeper(undefined);
  return (
    <>
      <FormSheet
        title={title}
        form={edited.form}
        foot={<CameraFoot edited={edited} foreseen={foreseen.value} />}
        onClosed={onClosed}
        onSaved={() => tellCameraSaved(name, edited, foreseen.peek() === 'restart')}
        hasPlace
      >
        {camera && <CameraTrouble camera={camera} facts={facts} onDeeper={setDeeper} />}
        <Incomplete item={facts.item} />
        <Fields edited={edited} facts={facts} name={name} />
        <div class="rows-end">
          <SoundSwitch edited={edited} camera={camera} />
          <DeeperRows camera={camera} facts={facts} onDeeper={setDeeper} />
        </div>
      </FormSheet>
      {deeper === 'picture' && camera && <PictureSheet camera={camera} facts={facts} onClosed={close} />}
      {deeper === 'connection' && facts.item && (
        <ConnectionSheet item={facts.item} title={title} onClosed={close} onChanged={facts.again} />
      )}
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
  const say = camerasWords.value;
  const values = form.values.value;
  const records: Readonly<Record<RecordWhen, string>> = {
    always: say.recordAlways,
    motion: say.recordMotion,
    no: say.recordOff,
  };
  const settled = <K extends keyof CameraSettings>(field: K) => ({
    conflict: form.conflicts.value[field],
    onTake: () => form.takeTheirs(field),
    onKeep: () => form.keepMine(field),
  });
  return (
    <>
      <TextField
        label={say.name}
        name="name"
        autocomplete="off"
        value={values.name}
        onInput={(text) => form.set('name', text)}
        onLeave={() => form.leave('name')}
        isLocked={form.saving.value !== 'no'}
        wrong={form.wrong.value.name}
      />
      <ConflictLine {...settled('name')} say={(text) => text} />
      <Segment
        label={say.record}
        value={values.record}
        options={(['always', 'motion', 'no'] as const).map((value) => ({ value, text: records[value] }))}
        onChange={(when) => form.set('record', when)}
      />
      <ConflictLine {...settled('record')} say={(when) => records[when]} />
      <KeepFields form={form} config={config} facts={facts} name={name} settled={settled} />
    </>
  );
}

/** Of a camera that has sound, or whose sound is off: then nobody knows. */
function SoundSwitch({
  edited: { form },
  camera,
}: {
  readonly edited: CameraForm;
  readonly camera: Camera | undefined;
}) {
  const say = camerasWords.value;
  const { sound } = form.values.value;
  const has = !sound || [camera?.main, camera?.sub].some((path) => path && hasSound(path));
  // While the camera starts again with its sound it has none.
  const had = useRef(false);
  had.current ||= has;
  return had.current ? (
    <>
      <Switch title={say.sound} text={say.soundText} isOn={sound} onChange={(isOn) => form.set('sound', isOn)} />
      <ConflictLine
        conflict={form.conflicts.value.sound}
        say={(isOn) => (isOn ? say.on : say.off)}
        onTake={() => form.takeTheirs('sound')}
        onKeep={() => form.keepMine('sound')}
      />
    </>
  ) : null;
}

interface DeeperProps {
  readonly camera: Camera | undefined;
  readonly facts: CameraFacts;
  readonly onDeeper: (where: Deeper) => void;
}

function DeeperRows({ camera, facts: { item }, onDeeper }: DeeperProps) {
  const say = camerasWords.value;
  const small = camera?.sub && pictureSize(camera.sub);
  const picture = camera && [pictureSize(camera.main), videoCodec(camera.main), small && say.smallSize(small)];
  const connection = item && [item.description?.manufacturer, hostOf(item), item.onvif && 'ONVIF'];
  return (
    <>
      {camera && <Row title={say.picture} text={line(picture ?? [])} onClick={() => onDeeper('picture')} />}
      {item && <Row title={say.connection} text={line(connection ?? [])} onClick={() => onDeeper('connection')} />}
      <Row title={item ? say.pauseOrRemove : say.removeOnly} onClick={() => onDeeper('removal')} />
    </>
  );
}

const line = (parts: readonly (string | null | undefined)[]): string | undefined =>
  parts.filter(Boolean).join(' · ') || undefined;
