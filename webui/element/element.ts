import { fallbacks } from '../player/fallbacks.ts';
import { Player, type PlayerView } from '../player/player.ts';
import type { LoadHls } from '../player/session/hls.ts';
import type { PlayError, Technology } from '../player/session/live-session.ts';
import { sourceAt } from '../player/session/source.ts';
import { parseTechnologies, type SkippedTechnology } from '../player/technologies.ts';
import { watchPageVisibility } from '../shell/page-visibility.ts';
import { type ScriptPort, servicesOf } from './services.ts';
import { type ElementWords, sentenceOf, wordsFor } from './words.ts';

/** Attributes that require a new connection. */
const SOURCE_ATTRIBUTES = ['src', 'base', 'webrtc-base', 'hls-base', 'ways'] as const;
/** Attributes of the video. */
const VIDEO_ATTRIBUTES = ['controls', 'muted', 'autoplay', 'label'] as const;

interface ScriptInfo {
  /** URL of the script's folder. */
  readonly folder: string;
  readonly port: ScriptPort;
  readonly loadHls: (hls: string) => ReturnType<LoadHls>;
}

/**
 * `<perch-video src="garden" autoplay muted controls>`: live video over WebRTC, else MSE, else HLS. Always plays
 * inline.
 *
 * Attributes: `src` (path, with an optional `?token=…`), `base` (address of the box), `webrtc-base` and `hls-base`
 * (services on other ports, or `none`), `ways` (`webrtc mse hls`), `label` (shows the technology), `controls`, `muted`,
 * `autoplay`.
 * Properties: `video`, `technology`, `phase`, `passed`, `reason`, `facts()`, `play()`. Event `change`: a property has
 * changed.
 */
class PerchVideo extends HTMLElement {
  static readonly observedAttributes = [...SOURCE_ATTRIBUTES, ...VIDEO_ATTRIBUTES];
  /** Connected elements. */
  static readonly all = new Set<PerchVideo>();
  static script: ScriptInfo;
  readonly #message = document.createElement('p');
  readonly #label = document.createElement('small');
  /** Starts playback: native controls are unusable without a source. */
  readonly #button = document.createElement('button');
  #player: Player | undefined;
  #failure: PlayError | undefined;
  #pausedTimer: ReturnType<typeof setTimeout> | undefined;
  #isWanted = false;

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

  /** Undefined while nothing plays. */
  get technology(): Technology | undefined {
    return this.#player?.view.technology;
  }

  get phase(): PlayerView['phase'] {
    return this.#player?.view.phase ?? 'stopped';
  }

  /** Technologies that were skipped, with reasons. */
  get passed(): readonly SkippedTechnology[] {
    return this.#player?.view.passed ?? [];
  }

  /** Message for the viewer. */
  get reason(): string {
    return this.#message.textContent ?? '';
  }

  /** Call it from a user gesture to get audio. */
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
    // Attributes of the markup are reported before the element is connected.
    if (!PerchVideo.all.has(this) || before === now) {
      return;
    }
    if ((SOURCE_ATTRIBUTES as readonly string[]).includes(name)) {
      this.#close();
      this.#open();
    } else {
      this.#applyAttribute(name);
    }
  }

  /** A hidden page needs no video, but audio continues. */
  onShown(isShown: boolean): void {
    const video = this.video;
    if (!isShown && video?.muted !== false) {
      this.#player?.stop();
    } else if (isShown && this.#isWanted) {
      this.#player?.start();
    }
  }

  #open(): void {
    const [path = '', query] = splitOnce(this.getAttribute('src') ?? '', '?');
    const name = path.replace(/^\/+|\/+$/g, '');
    if (name === '') {
      return;
    }
    const { script } = PerchVideo;
    const services = servicesOf(this.#bases, script.folder, script.port);
    this.#player = new Player({
      source: sourceAt(services, name, query === undefined ? '' : `?${query}`),
      camera: `${services.hls ?? services.webrtc}${name}`,
      technologies: parseTechnologies(this.getAttribute('ways')),
      wantsSound: true,
      loadFallbacks: async () => fallbacks(() => script.loadHls(services.hls ?? script.folder)),
      onView: (view) => this.#onView(view),
      onFailure: (failure) => {
        this.#failure = failure;
      },
    });
    const { element, video } = this.#player.surface;
    this.shadowRoot?.prepend(element);
    video.addEventListener('play', () => this.#onPlay());
    video.addEventListener('pause', () => this.#onPause());
    for (const name of VIDEO_ATTRIBUTES) {
      this.#applyAttribute(name);
    }
    this.#button.setAttribute('aria-label', this.#words.play);
    this.#button.hidden = this.hasAttribute('autoplay');
    if (this.hasAttribute('autoplay')) {
      this.#onPlay();
    }
  }

  #close(): void {
    clearTimeout(this.#pausedTimer);
    this.#isWanted = false;
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

  #applyAttribute(name: string): void {
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
    this.#isWanted = true;
    this.#player?.start();
  }

  #onPause(): void {
    // The browser also pauses the video when its connection ends, without the viewer's request.
    if (this.phase !== 'playing') {
      return;
    }
    clearTimeout(this.#pausedTimer);
    // A video that stays paused is disconnected.
    this.#pausedTimer = setTimeout(() => {
      this.#isWanted = false;
      this.#player?.stop();
    }, 10_000);
  }

  #onView({ phase, codec }: PlayerView): void {
    const words = this.#words;
    this.#button.hidden = phase !== 'stopped' || this.#isWanted;
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

/** Defines the element. Call it once per page. */
export function definePerchVideo(script: ScriptInfo): void {
  PerchVideo.script = script;
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

/** As a constructed style sheet: a content security policy may forbid inline styles. */
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
