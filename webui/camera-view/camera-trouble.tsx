import type { ComponentChildren } from 'preact';
import { isOwner } from '../api-client/session.ts';
import { absenceOf } from '../cameras/offline-reason.ts';
import { absenceWords } from '../cameras/trouble-text.ts';
import { notRecordingWords } from '../cameras/not-recording.ts';
import { type Camera, videoCodec } from '../cameras/camera.ts';
import { stateOf, stateReason } from '../live/tile.tsx';
import type { LivePlayer } from '../player/live-player.ts';
import { cinemaWords } from '../words/cinema.ts';

/** Followed by words of the box's own. */
const english = (before: string, words: string): ComponentChildren => [before, <span lang="en">{words}</span>];

/** What is wrong, what goes on, what to do: below the picture, which stays. */
export function CameraTrouble(props: {
  readonly camera: Camera;
  readonly player: LivePlayer;
  readonly showsSmall: boolean;
}) {
  const { camera, player, showsSmall } = props;
  const say = cinemaWords.value;
  const state = stateOf(camera, player);
  const reason = stateReason(state, camera, say);
  const { recording } = camera.main;
  const codec = videoCodec(camera.main) ?? '?';
  const lines: ComponentChildren[] = [];
  if (state.kind === 'offline') {
    const absence = absenceOf(state.word);
    lines.push(absenceWords(absence, say));
    // Others are told no more than that it cannot be reached.
    if (absence === 'unknown' && reason && isOwner.value) {
      lines.push(english(say.whyOffline, reason));
    }
  } else if (state.kind === 'misconfigured') {
    lines.push(say.misconfiguredText, reason && english('', reason));
  } else if (state.kind === 'unplayable') {
    lines.push(say.notPlayableWhy(codec), recording?.active ? say.recordingGoesOn : undefined, say.anotherBrowser);
  } else if (showsSmall) {
    lines.push(`${say.notPlayableWhy(codec)} ${say.smallShown}`);
  }
  if (recording?.error) {
    lines.push(notRecordingWords(recording.why, say));
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
    </div>
  );
}
