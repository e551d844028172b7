import { fallbacks } from '../player/fallbacks.ts';
import { Player, type PlayerView } from '../player/player.ts';
import type { LoadHls } from '../player/session/hls.ts';
import type { PlayError, Technology } from '../player/session/live-session.ts';
import { sourceAt } from '../player/session/source.ts';
import { parseTechnologies, type SkippedTechnology } from '../player/technologies.ts';
import { watchPageVisibility } from '../shell/page-visibility.ts';
import { type Origin, servicesOf } from './services.ts';
import { type ElementWords, sentenceOf, wordsFor } from './words.ts';

/** A paused picture is let go after that, and opened anew when it plays again. */
const PAUSED_LIMIT_MS = 10_000;

/** What makes another connection when it changes. */
const WHAT = ['src', 'base', 'webrtc-base', 'hls-base', 'ways'] as const;
/** What the video has of its own. */
const HOW = ['controls', 'muted', 'autoplay', 'label'] as const;

interface ScriptPlace {
  /** The address of the folder that the script came from. */
  readonly folder: string;
  readonly origin: Origin;
  readonly loadHls: (hls: string) => ReturnType<LoadHls>;
}

/**
 * `<perch-video src="garden" autoplay muted controls>`: a camera's live picture, over WebRTC, else MSE, else HLS.
 *
 * Attributes: `src` (path, with `?token=…` where that is wanted), `base` (address of the device), `webrtc-base` and `hls-base` (services
 * on ports of their own, or `none`), `ways` (`webrtc mse hls`), `label` (shows which way it comes), `controls`, `muted`, `autoplay`;
 * it always plays inline.
 * Properties: `video`, `technology`, `phase`, `passed`, `reason`, `facts()`, `play()`. Event `change`: one of them is another now.
 */
class PerchVideo extends HTMLElement {
  static readonly observedAttributes = [...WHAT, ...HOW];
  /** Those that stand in the page. */
  static readonly all = new Set<PerchVideo>();
  static place: ScriptPlace;
  readonly #message = document.createElement('p');
  readonly #label = document.createElement('small');
  /** A video's own controls have none to press while there is no connection. */
  readonly #button = document.createElement('button');
  #player: Player | undefined;
  #failure: PlayError | undefined;
  #pausedTimer: ReturnType<typeof setTimeout> | undefined;
  #isAsked = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [elementStyle()];
    this.#message.setAttribute('role', 'status');
    this.#button.type = 'button';
    this.#button.textContent = '▶';
    this.#button.addEventListener('click', () => this.play());
    root.append(this.#message, this.#label, this.#button);
  }

  get video(): HTMLVideoElement | undefined {
    return this.#player?.surface.video;
  }

  /** Which way the pictures come; undefined while none do. */
  get technology(): Technology | undefined {
    return this.#player?.view.technology;
  }

  get phase(): PlayerView['phase'] {
    return this.#player?.view.phase ?? 'stopped';
  }

  /** The ways that were not taken, and why. */
  get passed(): readonly SkippedTechnology[] {
    return this.#player?.view.passed ?? [];
  }

  /** Why there is no picture, for people. */
  get reason(): string {
    return this.#message.textContent ?? '';
  }

  /** From a tap or key, where there is to be sound. */
  play(): void {
    this.video?.play().catch(() => {});
    this.#onPlay();
  }

  facts(): ReturnType<Player['facts']> | undefined {
    return this.#player?.facts();
  }

  connectedCallback(): void {
    PerchVideo.all.add(this);
    this.#open();
  }

  disconnectedCallback(): void {
    PerchVideo.all.delete(this);
    this.#close();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    // All that stands in the page comes one by one before the element is told that it stands there.
    if (!PerchVideo.all.has(this) || before === now) {
      return;
    }
    if ((WHAT as readonly string[]).includes(name)) {
      this.#close();
      this.#open();
    } else {
      this.#dress(name);
    }
  }

  /** A page that nobody sees needs no picture; sound is listened to all the same. */
  onShown(isShown: boolean): void {
    const video = this.video;
    if (!isShown && video?.muted !== false) {
      this.#player?.stop();
    } else if (isShown && this.#isAsked) {
      this.#player?.start();
    }
  }

  #open(): void {
    const [path = '', query] = splitOnce(this.getAttribute('src') ?? '', '?');
    const name = path.replace(/^\/+|\/+$/g, '');
    if (name === '') {
      return;
    }
    const { place } = PerchVideo;
    const services = servicesOf(this.#bases, place.folder, place.origin);
    this.#player = new Player({
      source: sourceAt(services, name, query === undefined ? '' : `?${query}`),
      camera: `${services.hls ?? services.webrtc}${name}`,
      technologies: parseTechnologies(this.getAttribute('ways')),
      wantsSound: true,
      loadFallbacks: async () => fallbacks(() => place.loadHls(services.hls ?? place.folder)),
      onView: (view) => this.#onView(view),
      onFailure: (failure) => {
        this.#failure = failure;
      },
    });
    const { element, video } = this.#player.surface;
    this.shadowRoot?.prepend(element);
    video.addEventListener('play', () => this.#onPlay());
    video.addEventListener('pause', () => this.#onPause());
    for (const name of HOW) {
      this.#dress(name);
    }
    this.#button.setAttribute('aria-label', this.#words.play);
    this.#button.hidden = this.hasAttribute('autoplay');
    if (this.hasAttribute('autoplay')) {
      this.#onPlay();
    }
  }

  #close(): void {
    clearTimeout(this.#pausedTimer);
    this.#isAsked = false;
    this.#player?.stop();
    this.#player?.surface.element.remove();
    this.#player = undefined;
  }

  get #words(): ElementWords {
    return wordsFor([this.lang, document.documentElement.lang, ...navigator.languages]);
  }

  get #bases() {
    return {
      base: this.getAttribute('base'),
      webrtcBase: this.getAttribute('webrtc-base'),
      hlsBase: this.getAttribute('hls-base'),
    };
  }

  #dress(name: string): void {
    const isOn = this.hasAttribute(name);
    const { video } = this;
    if (name === 'label') {
      this.#showLabel();
    } else if (video && (name === 'controls' || name === 'muted' || name === 'autoplay')) {
      video[name] = isOn;
    }
  }

  #showLabel(): void {
    this.#label.textContent = this.hasAttribute('label') ? (this.technology ?? '') : '';
  }

  #onPlay(): void {
    clearTimeout(this.#pausedTimer);
    this.#isAsked = true;
    this.#player?.start();
  }

  #onPause(): void {
    // The end of a connection pauses too; whoever pauses sees a picture.
    if (this.phase !== 'playing') {
      return;
    }
    clearTimeout(this.#pausedTimer);
    this.#pausedTimer = setTimeout(() => {
      this.#isAsked = false;
      this.#player?.stop();
    }, PAUSED_LIMIT_MS);
  }

  #onView({ phase, codec }: PlayerView): void {
    const words = this.#words;
    this.#button.hidden = phase !== 'stopped' || this.#isAsked;
    const kind = phase === 'unplayable' ? 'codec' : this.#failure?.kind;
    if (phase === 'playing' || phase === 'stopped') {
      this.#failure = undefined;
      this.#message.textContent = '';
    } else if (kind !== undefined) {
      this.#message.textContent = sentenceOf(words, { kind, ...(codec === undefined ? {} : { codec }) });
    } else {
      this.#message.textContent = phase === 'waiting' ? words.again : words.starting;
    }
    this.#showLabel();
    this.dispatchEvent(new Event('change'));
  }
}

/** Once per page. */
export function definePerchVideo(place: ScriptPlace): void {
  PerchVideo.place = place;
  watchPageVisibility({
    onShown: (isShown) => {
      for (const element of PerchVideo.all) {
        element.onShown(isShown);
      }
    },
  });
  customElements.define('perch-video', PerchVideo);
}

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + by.length)];
}

/** A sheet of its own, made by script: a page's security policy may forbid inline style. */
function elementStyle(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  return sheet;
}

const STYLE = `
:host { display: inline-block; position: relative; width: 640px; max-width: 100%; aspect-ratio: 16 / 9; background: #000; color: #fff; overflow: hidden; font: 14px/1.4 system-ui, sans-serif; }
:host([hidden]) { display: none; }
.surface, .surface > * { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.surface > canvas { pointer-events: none; transition: opacity 240ms; }
.surface.playing > canvas { opacity: 0; }
.sound-mark { opacity: 0; pointer-events: none; fill: none; stroke: #fff; stroke-width: 1.6; stroke-linecap: round; }
.surface.sound-alone > .sound-mark { opacity: .55; }
p { position: absolute; inset: auto 0 0; margin: 0; padding: 10px 14px; background: #000b; pointer-events: none; }
p:empty, small:empty, [hidden] { display: none; }
small { position: absolute; top: 8px; right: 8px; padding: 2px 7px; border-radius: 9px; background: #0009; font-size: 11px; pointer-events: none; }
button { position: absolute; inset: 0; margin: auto; width: 72px; height: 72px; border: 0; border-radius: 50%; background: #000a; color: #fff; font-size: 28px; cursor: pointer; }
button:focus-visible { outline: 3px solid #fff; }
`;
