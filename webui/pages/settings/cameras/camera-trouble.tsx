import { useState } from 'preact/hooks';
import { boxSays } from '../../../api-client/error-text.ts';
import type { PathItem } from '../../../api-client/paths.ts';
import { ask } from '../../../api-client/request.ts';
import { absenceOf } from '../../../cameras/offline-reason.ts';
import { absenceWords } from '../../../cameras/trouble-text.ts';
import { notRecordingWords } from '../../../cameras/not-recording.ts';
import type { Camera } from '../../../cameras/camera.ts';
import { stateWord } from '../../../live/tile.tsx';
import { Button } from '../../../ui/controls/button.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/cameras.ts';
import { cinemaWords } from '../../../words/cinema.ts';
import { sentences } from '../../../words/sentences.ts';
import { words } from '../../../words/words.ts';
import { type CameraFacts, cameraCall, type Deeper, hostOf } from './camera-data.ts';
import { stateNow } from './status-line.ts';
import { troubleOf } from './camera-troubles.ts';

interface TroubleProps {
  readonly camera: Camera;
  readonly facts: CameraFacts;
  readonly onDeeper: (where: Deeper) => void;
}

/** Why it does not work, and the next step. */
export function CameraTrouble({ camera, facts: { item }, onDeeper }: TroubleProps) {
  const say = camerasWords.value;
  const live = cinemaWords.value;
  const state = stateNow(camera);
  const title = stateWord(state, voice()) ?? '';
  switch (state.kind) {
    case 'paused':
      return <Paused camera={camera} title={title} />;
    case 'misconfigured':
      return (
        <Say
          icon="alert"
          tone="bad"
          title={title}
          text={boxSays((why) => `${live.misconfiguredText} ${why}`, state.why)}
        />
      );
    case 'offline':
      break;
    default:
      return <NotRecording trouble={camera.main.recording} />;
  }
  const host = item && hostOf(item);
  const lastAddress = host ? ` ${live.offlineLastAddress(host)}` : '';
  const trouble = troubleOf(item?.trouble, absenceOf(state.word));
  switch (trouble) {
    case 'password':
      return (
        <Say icon="lock" tone="bad" title={live.wrongPassword} text={live.offlinePassword}>
          <Button onClick={() => onDeeper('connection')}>{live.enterAgain}</Button>
        </Say>
      );
    case 'onvifUser':
      return (
        <Say icon="lock" tone="bad" title={say.needsOnvif} text={say.needsOnvifText}>
          <Button onClick={() => onDeeper('connection')}>{live.enterAgain}</Button>
        </Say>
      );
    case 'locked':
      return <Say icon="lock" tone="bad" title={say.locked} text={say.lockedText} />;
    case 'clock':
      return item?.seenAt ? (
        <Say icon="clock" tone="bad" title={title} text={say.clockKeepsAway(item.seenAt)} />
      ) : (
        <Say icon="clock" tone="bad" title={title} text={say.clockOffText}>
          <DoButton text={say.setClock} call={cameraCall('clock', camera.name)} body={{}} done={say.clockSet} />
        </Say>
      );
    case 'refuses':
      return (
        <Say icon="alert" tone="bad" title={title} text={live.offlineRefuses}>
          {item?.onvif && (
            <DoButton
              text={live.restartCamera}
              call={cameraCall('reboot', camera.name)}
              body={{}}
              done={say.restarts(camera.title)}
            />
          )}
        </Say>
      );
    case 'silent':
      return <Say icon="alert" tone="bad" title={title} text={live.offlineSilent + lastAddress} />;
    case 'unknown':
      return <Say icon="alert" tone="bad" title={title} text={live.offlineText + lastAddress} />;
    default:
      return <Say icon="alert" tone="bad" title={title} text={absenceWords(trouble, live)} />;
  }
}

/** It was added with what was known: stays until the camera is complete. */
export function Incomplete({ item }: Pick<CameraFacts, 'item'>) {
  const say = camerasWords.value;
  const reasons = { noRoom: say.incompleteNoRoom, busy: say.incompleteBusy, slow: say.incompleteSlow };
  const texts = (item?.pending ?? []).map(({ path, why }) => {
    const words = path === item?.path ? say.incompleteMain : say.incompleteSub;
    return words(reasons[why]);
  });
  return texts.length > 0 ? <Say icon="clock" tone="calm" title={say.incomplete} text={sentences(texts)} /> : null;
}

function Paused({ camera, title }: { readonly camera: Camera; readonly title: string }) {
  const say = camerasWords.value;
  return (
    <Say icon="halt" tone="calm" title={title} text={say.pauseText}>
      <DoButton
        text={say.goOn}
        call={cameraCall('patch', camera.name)}
        method="PATCH"
        body={{ paused: false }}
        done={say.goesOn(camera.title)}
      />
    </Say>
  );
}

function NotRecording({ trouble }: { readonly trouble: PathItem['recording'] }) {
  const say = cinemaWords.value;
  return trouble?.error != null ? (
    <Say icon="alert" tone="bad" title={say.notRecording} text={notRecordingWords(trouble.why, say)} />
  ) : null;
}

interface DoButtonProps {
  readonly text: string;
  readonly call: string;
  readonly method?: 'POST' | 'PATCH';
  readonly body: object;
  /** What is said then. */
  readonly done: string;
  readonly onDone?: () => void;
}

/** One thing that is done to a camera. */
export function DoButton({ text, call, method = 'POST', body, done, onDone }: DoButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      await ask(call, { method, body, limitMs: 60_000 });
      toast(done);
      onDone?.();
    } catch {
      toast(camerasWords.peek().notDone);
    }
    setBusy(false);
  };
  return (
    <Button busy={isBusy && words.value.saving} onClick={() => void act()}>
      {text}
    </Button>
  );
}
