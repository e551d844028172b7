import { useEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { type Camera, hasSound } from '../cameras/camera.ts';
import { cameraLink } from '../shell/route.ts';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { clipWords } from '../words/clips.ts';
import { recordingsWords } from '../words/recordings.ts';
import { words } from '../words/words.ts';

/** Search by a part of the name. */
export function FindCamera({ all, onClosed }: { readonly all: readonly Camera[]; readonly onClosed: () => void }) {
  const { findCamera, noneFound } = cameraViewWords.value;
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const wanted = text.trim().toLocaleLowerCase();
  const found = all.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
  const open = (event: Event) => {
    event.preventDefault();
    const [first] = found;
    if (first) {
      location.replace(cameraLink(first.name));
    }
  };
  return (
    <Sheet title={findCamera} onClosed={onClosed}>
      <form class="finder" onSubmit={open}>
        <input
          class="finder-field"
          type="search"
          aria-label={findCamera}
          autocomplete="off"
          ref={field}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p class="visually-hidden" role="status">
          {found.length === 0 ? noneFound : cameraViewWords.value.camerasCount(found.length)}
        </p>
        {found.length === 0 ? (
          <p class="dim">{noneFound}</p>
        ) : (
          found.map(({ name, title }) => (
            <a
              class="row"
              key={name}
              href={cameraLink(name)}
              onClick={(event) => {
                event.preventDefault();
                location.replace(cameraLink(name));
              }}
            >
              <bdi>{title}</bdi>
            </a>
          ))
        )}
      </form>
    </Sheet>
  );
}

export type Keys = readonly (readonly [key: string, what: string])[];

/** Shortcuts of the grid. */
export function LiveKeys({ onClosed }: { readonly onClosed: () => void }) {
  const t = cameraViewWords.value;
  const { back } = words.value;
  const keys: Keys = [
    ['← ↑ → ↓', t.keyMove],
    ['Enter', t.keyOpen],
    ['1 – 9', t.keyNumber],
    ['Shift F10', t.keyMenu],
    ...(isOwner.value ? ([['Alt ← ↑ → ↓', t.keyOrder]] as const) : []),
    ['F', t.wall],
    ['/', t.findCamera],
    ['Esc', back],
    ['?', t.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}

/** Shortcuts of a camera. */
export function CameraKeysSheet({ camera, onClosed }: { readonly camera: Camera; readonly onClosed: () => void }) {
  const t = cameraViewWords.value;
  const { back, live } = words.value;
  const has = (part: string) => document.querySelector(`.camera-view ${part}`) !== null;
  const keys: Keys = [
    ...(has('.pad') ? ([['← ↑ → ↓', t.turnIt]] as const) : []),
    ...(has('.rocker') ? ([['+ −', t.zoom]] as const) : []),
    ...(has('.to-center') ? ([['C', t.tapToCenter]] as const) : []),
    [has('.rocker') ? 'Z' : '+ −', t.enlarge],
    ['← ↑ → ↓', t.moveEnlarged],
    ...(hasSound(camera.main) ? ([['M', `${t.soundOn} · ${t.soundOff}`]] as const) : []),
    ...(has('.talk') ? ([['T', t.holdToTalk]] as const) : []),
    ['S', t.snapshot],
    ['P', t.pictureInPicture],
    ['F', t.fullScreen],
    ['I', t.information],
    ...(has('.rewind') ? ([['L', live]] as const) : []),
    ...(has('.rewind-actions') ? ([['␣', `${t.pause} · ${t.goOn}`]] as const) : []),
    ['PgUp PgDn', t.keyMove],
    ['Esc', `${t.wholePicture} · ${back}`],
    ['?', t.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}

/** Shortcuts of the open page. */
function KeysSheet({ keys, onClosed }: { readonly keys: Keys; readonly onClosed: () => void }) {
  const t = cameraViewWords.value;
  return (
    <Sheet title={t.keys} onClosed={onClosed}>
      {/* The list may be higher than the screen: it can have the focus, so that keys scroll it. */}
      <dl class="keys" tabIndex={0}>
        {keys.map(([key, text]) => (
          <div key={text}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Sheet>
  );
}

/** Shortcuts of the page of events. */
export function EventKeys({ onClosed }: { readonly onClosed: () => void }) {
  const t = clipWords.value;
  const keys: Keys = [
    ['J K', t.keyCards],
    ['Enter', t.keyPlayCard],
    ['M', t.keyMarkSeen],
    ['?', cameraViewWords.value.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}

/** Shortcuts of recordings. */
export function RecordingKeys({ hasEvents, onClosed }: { readonly hasEvents: boolean; readonly onClosed: () => void }) {
  const t = recordingsWords.value;
  const clip = clipWords.value;
  const keys: Keys = [
    ['␣', `${t.play} · ${t.halt}`],
    ['← →', t.keyMove],
    ['Shift ← →', t.keyMoveFar],
    [', .', `${t.pictureBack} · ${t.pictureOn}`],
    ...(hasEvents ? ([['[ ]', `${t.eventBack} · ${t.eventOn}`]] as const) : []),
    ['< >', t.speed],
    ['+ −', t.keyZoom],
    ['Home End', t.keyDay],
    ['G', clip.goToDay],
    ['C', clip.markClip],
    ['I O', `${clip.startHere} · ${clip.setEndHere}`],
    ['Esc', t.keyUnmark],
    ['?', cameraViewWords.value.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}
