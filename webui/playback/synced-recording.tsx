import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useSpans } from '../api-client/use-spans.ts';
import { atMs, isPlaying, scrubMs, sent, speed, toggleFollower } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';
import { Deck } from './recording-player.ts';
import { leanFor } from './sync-rate.ts';

const REFRESH_MS = 15_000;
const LOOK_MS = 250;

/** Another camera, in step with the chosen one; without sound. */
export function Follower({ name, title }: { readonly name: string; readonly title: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const deck = useRef<Deck>(undefined);
  const [isGap, setGap] = useState(false);
  const spans = useSpans(name, REFRESH_MS);
  useEffect(() => {
    if (!video.current) {
      return undefined;
    }
    const nothing = () => {};
    const listener = { onTime: nothing, onShown: nothing, onLeave: nothing, onBlind: nothing, onHalted: nothing };
    const own = new Deck(
      video.current,
      { ...listener, onGap: setGap, onFailure: (why) => setGap(why === 'gone') },
      false,
    );
    deck.current = own;
    const stop = keepInStep(own);
    return () => {
      stop();
      own.close();
      deck.current = undefined;
    };
  }, [name]);
  useEffect(() => {
    if (Array.isArray(spans)) {
      deck.current?.load(name, spans);
      const at = atMs.peek();
      if (at !== undefined && deck.current?.nowMs() === undefined) {
        deck.current?.goTo(at);
      }
    }
  }, [spans]);
  const words = recordingsWords.value;
  return (
    <div class="recording-screen follower">
      <video class="recording" ref={video} muted playsInline preload="auto" />
      {isGap && <p class="in-gap">{words.nothingHere}</p>}
      <span class="caption">
        <b>
          <bdi>{title}</bdi>
        </b>
      </span>
      <div class="on-picture">
        <button class="round" type="button" aria-label={words.stopInStep(title)} onClick={() => toggleFollower(name)}>
          <Icon name="cross" />
        </button>
      </div>
    </div>
  );
}

/** Goes where the chosen camera goes; what runs apart comes together again. @returns what ends it */
function keepInStep(deck: Deck): () => void {
  const timer = setInterval(() => {
    const [at, own] = [atMs.peek(), deck.nowMs()];
    if (at === undefined || own === undefined || scrubMs.peek() !== undefined || deck.video.seeking) {
      return;
    }
    const lean = leanFor(own - at, speed.peek(), isPlaying.peek());
    if (lean === undefined) {
      deck.goTo(at);
    } else {
      deck.lean(lean);
    }
  }, LOOK_MS);
  const stops = [
    effect(() => deck.setSpeed(speed.value)),
    effect(() => {
      if (sent.value) {
        deck.goTo(sent.value.toMs, sent.value.plays);
      }
    }),
    effect(() => deck.play(isPlaying.value && scrubMs.value === undefined)),
  ];
  return () => {
    clearInterval(timer);
    for (const stop of stops) {
      stop();
    }
  };
}
