import { useState } from 'preact/hooks';
import type { RecorderRequest, RecorderTargets } from '../../../agent/features/transfer/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { cameras } from '../../cameras/cameras.ts';
import { firstTarget } from '../../copying/import-data.ts';
import { ImportGroups } from '../../copying/import-groups.tsx';
import { type Limits, limitsOf, NO_LIMITS } from '../../copying/limits.ts';
import { LimitsCard } from '../../copying/limits-card.tsx';
import { Look } from '../../copying/look.tsx';
import { TransferPage } from '../../copying/transfer-page.tsx';
import { Empty } from '../../live/notices.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { copyingWords } from '../../words/settings/copying.ts';
import { transferWords } from './words.ts';

type Recorder = RecorderRequest['recorder'];

interface Chosen {
  readonly recorder: Recorder;
  /** For people. */
  readonly name: string;
}

/** Settings, Storage, Import from a recorder or camera. */
export function RecorderPage() {
  const t = transferWords.value;
  return (
    <TransferPage kind="recorder" title={copyingWords.value.importFromRecorder} text={t.recorderText}>
      {(onStarted) => <Source onStarted={onStarted} />}
    </TransferPage>
  );
}

/** A recorder, then its channels. */
function Source({ onStarted }: { readonly onStarted: () => void }) {
  const [chosen, setChosen] = useState<Chosen>();
  const [typed, setTyped] = useState(NOTHING_TYPED);
  return chosen ? (
    <Channels {...chosen} onOther={() => setChosen(undefined)} onStarted={onStarted} />
  ) : (
    <Choice typed={typed} onType={setTyped} onChoose={setChosen} />
  );
}

const NOTHING_TYPED = { address: '', user: '', password: '' };

interface ChoiceProps {
  /** Stays when another one is chosen: a part of it may have been wrong. */
  readonly typed: typeof NOTHING_TYPED;
  readonly onType: (typed: typeof NOTHING_TYPED) => void;
  readonly onChoose: (chosen: Chosen) => void;
}

/** Cameras of this Perch, whose login it has, or an address. */
function Choice({ typed, onType, onChoose }: ChoiceProps) {
  const t = transferWords.value;
  const { value } = usePolled<RecorderTargets>('v3/recordings/transfer/recorders', 'slow');
  const [isWrong, setWrong] = useState(false);
  const set = (change: Partial<typeof typed>) => {
    onType({ ...typed, ...change });
    setWrong(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const address = typed.address.trim();
    if (address === '') {
      setWrong(true);
      return;
    }
    const { user, password } = typed;
    onChoose({ recorder: { address, ...(user !== '' && { user, password }) }, name: address.replace(/^.*@/, '') });
  };
  return (
    <>
      <h3>{t.whichRecorder}</h3>
      <form class="card padded recorder-form" onSubmit={submit} novalidate>
        <TextField
          label={t.recorderAddress}
          name="address"
          autocomplete="off"
          value={typed.address}
          hint={t.recorderAddressHint}
          wrong={isWrong ? t.recorderAddressMissing : undefined}
          onInput={(address) => set({ address })}
        />
        <TextField
          label={t.recorderUser}
          name="recorder-user"
          autocomplete="off"
          value={typed.user}
          onInput={(user) => set({ user })}
        />
        <PasswordField
          label={t.recorderPassword}
          name="recorder-password"
          autocomplete="off"
          value={typed.password}
          hint={t.recorderPasswordHint}
          onInput={(password) => set({ password })}
        />
        <Button type="submit">{t.lookAtRecorder}</Button>
      </form>
      {value && value.items.length > 0 && (
        <>
          <h3>{t.ownCameras}</h3>
          <div class="card source-disks">
            {value.items.map(({ path }) => (
              <Row
                key={path}
                icon="camera"
                title={cameraTitle(path)}
                text={t.ownCameraText}
                onClick={() => onChoose({ recorder: { camera: path }, name: cameraTitle(path) })}
              />
            ))}
          </div>
        </>
      )}
    </>
  );
}

interface ChannelsProps extends Chosen {
  readonly onOther: () => void;
  readonly onStarted: () => void;
}

function Channels({ recorder, name, onOther, onStarted }: ChannelsProps) {
  const t = transferWords.value;
  const [limits, setLimits] = useState<Limits>(NO_LIMITS);
  // A camera of another box keeps its recordings there.
  const own = (cameras.value ?? []).filter(({ main }) => main.box === null);
  return (
    <Look
      from={name}
      body={{ recorder }}
      other={t.changeRecorder}
      onOther={onOther}
      failures={{
        wrongPassword: t.recorderRefuses,
        noRights: t.recorderForbids,
        unreachable: t.recorderUnreachable,
        timeout: t.recorderUnreachable,
        noRecordings: t.recorderHasNoReplay,
      }}
      nothing={<Empty title={t.recorderHasNone} text={t.recorderHasNoneText} />}
    >
      {(found) => (
        <ImportGroups
          found={found}
          cameras={own}
          firstTarget={(group) =>
            recorder.camera !== undefined &&
            found.groups.length === 1 &&
            own.some((one) => one.name === recorder.camera)
              ? { to: 'camera', path: recorder.camera }
              : firstTarget(group, name, own)
          }
          requestOf={(items) => {
            const period = limitsOf(limits);
            return period && ({ kind: 'recorder', recorder, items, ...period } satisfies RecorderRequest);
          }}
          limits={
            <LimitsCard
              value={limits}
              rateHint={recorder.camera === undefined ? t.rateHint : t.ownRateHint}
              onChange={setLimits}
            />
          }
          onStarted={onStarted}
        />
      )}
    </Look>
  );
}
