import { useState } from 'preact/hooks';
import { cameraCall } from '../../../api-client/camera-addresses.ts';
import { serverText } from '../../../api-client/error-text.ts';
import type { PathItem } from '../../../api-client/paths.ts';
import { fetchJson } from '../../../api-client/request.ts';
import type { Camera } from '../../../cameras/camera.ts';
import { type OfflineReason, offlineReasonOf } from '../../../cameras/offline-reason.ts';
import { notRecordingMessage, offlineReasonText } from '../../../cameras/trouble-text.ts';
import { stateText } from '../../../live/tile.tsx';
import { Button } from '../../../ui/controls/button.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { cameraViewWords } from '../../../words/camera-view.ts';
import { i18n } from '../../../words/i18n.ts';
import { sentences } from '../../../words/sentences.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { PrivacyLink } from '../../features/parts.ts';
import { type CameraFacts, hostOf, type SubSheet } from './data/camera-data.ts';
import { stateNow } from './data/status-line.ts';

interface TroubleProps {
  readonly camera: Camera;
  readonly facts: CameraFacts;
  readonly onOpenPart: (where: SubSheet) => void;
}

/** Why the camera does not work, and the next step. */
export function CameraTrouble({ camera, facts: { item }, onOpenPart }: TroubleProps) {
  const t = camerasWords.value;
  const live = cameraViewWords.value;
  const state = stateNow(camera);
  const title = stateText(state, i18n()) ?? '';
  switch (state.kind) {
    case 'paused':
      return <Paused camera={camera} title={title} />;
    case 'private':
      return <Private title={title} />;
    case 'misconfigured':
      return (
        <MessageCard
          icon="alert"
          tone="bad"
          title={title}
          text={serverText((why) => `${live.misconfiguredText} ${why}`, state.why)}
        />
      );
    case 'offline':
      break;
    default:
      return <NotRecording trouble={camera.main.recording} />;
  }
  const host = item && hostOf(item);
  const lastAddress = host ? ` ${live.offlineLastAddress(host)}` : '';
  const trouble = troubleOf(item?.trouble, offlineReasonOf(state.word));
  switch (trouble) {
    case 'password':
      return (
        <MessageCard icon="lock" tone="bad" title={live.wrongPassword} text={live.offlinePassword}>
          <Button onClick={() => onOpenPart('connection')}>{live.enterAgain}</Button>
        </MessageCard>
      );
    case 'onvifUser':
      return (
        <MessageCard icon="lock" tone="bad" title={t.needsOnvif} text={t.needsOnvifText}>
          <Button onClick={() => onOpenPart('connection')}>{live.enterAgain}</Button>
        </MessageCard>
      );
    case 'locked':
      return <MessageCard icon="lock" tone="bad" title={t.locked} text={t.lockedText} />;
    case 'clock':
      return item?.seenAt ? (
        <MessageCard icon="clock" tone="bad" title={title} text={t.clockKeepsAway(item.seenAt)} />
      ) : (
        <MessageCard icon="clock" tone="bad" title={title} text={t.clockOffText}>
          <SetClockButton path={camera.name} />
        </MessageCard>
      );
    case 'refuses':
    case 'closed':
      return (
        <MessageCard icon="alert" tone="bad" title={title} text={offlineReasonText(trouble, live)}>
          {item?.onvif && (
            <CameraActionButton
              text={live.restartCamera}
              busy={t.restarting}
              call={cameraCall('reboot', camera.name)}
              body={{}}
              done={t.restarts(camera.title)}
            />
          )}
        </MessageCard>
      );
    default: {
      const isAway = trouble === 'silent' || trouble === 'unknown';
      const text = offlineReasonText(trouble, live) + (isAway ? lastAddress : '');
      return <MessageCard icon="alert" tone="bad" title={title} text={text} />;
    }
  }
}

/** Adopted without some streams, until it is complete. */
export function Incomplete({ item }: Pick<CameraFacts, 'item'>) {
  const t = camerasWords.value;
  const reasons = { noRoom: t.incompleteNoRoom, busy: t.incompleteBusy, slow: t.incompleteSlow };
  const texts = (item?.pending ?? []).map(({ path, why }) => {
    const words = path === item?.path ? t.incompleteMain : t.incompleteSub;
    return words(reasons[why]);
  });
  return texts.length > 0 ? (
    <MessageCard icon="clock" tone="calm" title={t.incomplete} text={sentences(texts)} />
  ) : null;
}

function Paused({ camera, title }: { readonly camera: Camera; readonly title: string }) {
  const t = camerasWords.value;
  return (
    <MessageCard icon="halt" tone="calm" title={title} text={t.pauseText}>
      <CameraActionButton
        text={t.goOn}
        busy={t.resuming}
        call={cameraCall('patch', camera.name)}
        method="PATCH"
        body={{ paused: false }}
        done={t.goesOn(camera.title)}
      />
    </MessageCard>
  );
}

function Private({ title }: { readonly title: string }) {
  return (
    <MessageCard icon="eyeOff" tone="calm" title={title} text={cameraViewWords.value.privacyText}>
      {PrivacyLink && <PrivacyLink />}
    </MessageCard>
  );
}

function NotRecording({ trouble }: { readonly trouble: PathItem['recording'] }) {
  const t = cameraViewWords.value;
  return trouble?.error != null ? (
    <MessageCard icon="alert" tone="bad" title={t.notRecording} text={notRecordingMessage(trouble.why, t)} />
  ) : null;
}

interface DoButtonProps {
  readonly text: string;
  /** What it says meanwhile. */
  readonly busy: string;
  readonly call: string;
  readonly method?: 'POST' | 'PATCH';
  readonly body: object;
  /** Message after success. */
  readonly done: string;
  readonly onDone?: () => void;
}

/** A button for an action on the camera. */
export function CameraActionButton({ text, busy, call, method = 'POST', body, done, onDone }: DoButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      await fetchJson(call, { method, body, limitMs: 60_000 });
      toast(done);
      onDone?.();
    } catch {
      toast(camerasWords.peek().notDone);
    }
    setBusy(false);
  };
  return (
    <Button busy={isBusy && busy} onClick={() => void act()}>
      {text}
    </Button>
  );
}

export function SetClockButton({ path, onDone }: { readonly path: string; readonly onDone?: () => void }) {
  const t = camerasWords.value;
  return (
    <CameraActionButton
      text={t.setClock}
      busy={t.settingClock}
      call={cameraCall('clock', path)}
      body={{}}
      done={t.clockSet}
      {...(onDone && { onDone })}
    />
  );
}

type Trouble = 'password' | 'onvifUser' | 'locked' | 'clock' | Exclude<OfflineReason, 'password'>;

const BY_WORD: Readonly<Record<string, Trouble>> = {
  wrongPassword: 'password',
  noRights: 'password',
  clearPassword: 'password',
  onvifUser: 'onvifUser',
  lockedOut: 'locked',
  clock: 'clock',
  unreachable: 'silent',
  timeout: 'silent',
  onvifOff: 'refuses',
  notOnvif: 'refuses',
  notSupported: 'refuses',
  badReply: 'refuses',
};

/**
 * The reason why a camera has no video.
 *
 * @param word reason code
 * @param absence reason from the message
 */
const troubleOf = (word: string | null | undefined, absence: OfflineReason): Trouble =>
  // A refused connection proves that the camera is on.
  (word === 'unreachable' && (absence === 'refuses' || absence === 'closed') ? absence : BY_WORD[word ?? '']) ??
  absence;
