import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { type Camera, videoCodec } from '../cameras/camera.ts';
import { offlineReasonOf } from '../cameras/offline-reason.ts';
import { notRecordingMessage, offlineReasonText } from '../cameras/trouble-text.ts';
import { stateOf, stateReason } from '../live/tile.tsx';
import type { LivePlayer } from '../player/live-player.ts';
import { Button } from '../ui/controls/button.tsx';
import { toast } from '../ui/feedback/toast.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { liveWords, words } from '../words/words.ts';

/** A sentence that ends with the box's own text, which is English. */
const english = (before: string, words: string): ComponentChildren => [before, <span lang="en">{words}</span>];

/** Below the picture: what is wrong, what still works, what to do. */
export function CameraTrouble(props: {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly showsSmall: boolean;
}) {
  const { camera, player, showsSmall } = props;
  const t = cameraViewWords.value;
  const state = stateOf(camera, player);
  const reason = stateReason(state, camera, t);
  const { recording } = camera.main;
  const codec = videoCodec(camera.main) ?? '?';
  const lines: ComponentChildren[] = [];
  if (state.kind === 'offline') {
    const absence = offlineReasonOf(state.word);
    lines.push(offlineReasonText(absence, t));
    // Viewers only learn that it is unreachable.
    if (absence === 'unknown' && reason && isOwner.value) {
      lines.push(english(t.whyOffline, reason));
    }
  } else if (state.kind === 'private') {
    lines.push(t.privacyText);
  } else if (state.kind === 'paused') {
    lines.push(liveWords.value.isPaused(camera.title));
  } else if (state.kind === 'misconfigured') {
    lines.push(t.misconfiguredText, reason && english('', reason));
  } else if (state.kind === 'unplayable') {
    lines.push(t.notPlayableWhy(codec), recording?.active ? t.recordingGoesOn : undefined, t.anotherBrowser);
  } else if (showsSmall) {
    lines.push(`${t.notPlayableWhy(codec)} ${t.smallShown}`);
  }
  if (recording?.error) {
    lines.push(notRecordingMessage(recording.why, t));
  }
  const said = lines.filter((line) => line !== undefined && line !== '');
  return said.length === 0 ? null : (
    <div class="trouble">
      <h2>
        <bdi>{camera.title}</bdi>
      </h2>
      {said.map((line, i) => (
        <p key={i}>{line}</p>
      ))}
      {state.kind === 'paused' && isOwner.value && <Resume camera={camera} />}
    </div>
  );
}

function Resume({ camera: { name, title } }: { readonly camera: Camera }) {
  const [isBusy, setBusy] = useState(false);
  const resume = async () => {
    setBusy(true);
    await import('../live/tile-actions.ts').then(
      ({ setPaused }) => setPaused({ name, title, isPaused: false }),
      () => toast(words.peek().boxAway),
    );
    setBusy(false);
  };
  return (
    <Button busy={isBusy && liveWords.value.goOn} onClick={() => void resume()}>
      {liveWords.value.goOn}
    </Button>
  );
}
