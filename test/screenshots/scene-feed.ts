import type { PlayedStreams, StreamListener } from '../../agent/demo-camera/demo-streams.ts';
import { SOUND_PACKET_SAMPLES, SOUND_RATE_HZ } from '../../agent/demo-camera/demo-streams.ts';
import type { FilmedScene, SceneClip } from './scene-clips.ts';
import { SCENE_FPS } from './scene-clips.ts';

const VIDEO_CLOCK_HZ = 90_000;
const PICTURE_MS = 1000 / SCENE_FPS;
const A_LAW_SILENCE = 0xd5;
const silence = new Uint8Array(SOUND_PACKET_SAMPLES).fill(A_LAW_SILENCE);
const PACKETS_A_PICTURE = SOUND_RATE_HZ / SCENE_FPS / SOUND_PACKET_SAMPLES;

/** A camera's picture and silence: a filmed scene again and again. */
export class SceneFeed implements PlayedStreams {
  readonly #clips: ReadonlyMap<string, SceneClip>;
  /** Listeners, and whether each has had a key picture. */
  readonly #listeners = new Map<StreamListener, { readonly clip: SceneClip; isPlaying: boolean }>();
  #timer: NodeJS.Timeout | undefined;
  /** Pictures since the feed was made. */
  #count = 0;
  /** When the first of them was due. */
  #firstMs = 0;

  constructor({ main, sub }: FilmedScene) {
    this.#clips = new Map([
      ['main', main],
      ['sub', sub],
    ]);
  }

  tracksOf(name: string): ReturnType<PlayedStreams['tracksOf']> {
    const clip = this.#clips.get(name);
    const sound = { kind: 'audio', codec: 'g711', clockRate: SOUND_RATE_HZ, law: 'a', channels: 1 } as const;
    return clip && [clip.track, sound];
  }

  listen(name: string, listener: StreamListener): () => void {
    const clip = this.#clips.get(name);
    if (clip) {
      this.#listeners.set(listener, { clip, isPlaying: false });
    }
    if (!this.#timer) {
      this.#firstMs = Date.now() - this.#count * PICTURE_MS;
      this.#timer = setInterval(() => this.#catchUp(), PICTURE_MS);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    };
  }

  /** The RTP clock keeps to the wall clock also on a busy machine: else recordings of it have gaps. */
  #catchUp(): void {
    while (this.#firstMs + this.#count * PICTURE_MS <= Date.now()) {
      this.#beat(this.#count, this.#firstMs + this.#count * PICTURE_MS);
      this.#count += 1;
    }
  }

  #beat(at: number, dueMs: number): void {
    for (const [listener, playing] of this.#listeners) {
      const { units } = playing.clip;
      const unit = units[at % units.length];
      playing.isPlaying ||= unit?.isKey ?? false;
      if (unit && playing.isPlaying) {
        listener.onVideo(unit.data, at * (VIDEO_CLOCK_HZ / SCENE_FPS), dueMs);
        for (let i = 0; i < PACKETS_A_PICTURE; i += 1) {
          listener.onSound(silence, (at * PACKETS_A_PICTURE + i) * SOUND_PACKET_SAMPLES, dueMs);
        }
      }
    }
  }
}
