import { useEffect, useRef, useState } from 'preact/hooks';
import { type Camera, hasSound } from '../cameras/camera.ts';
import { cameraLink } from '../shell/route.ts';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { cinemaWords } from '../words/cinema.ts';
import { words } from '../words/words.ts';

/** Type a part of its name, press Enter. */
export function FindCamera({ all, onClosed }: { readonly all: readonly Camera[]; readonly onClosed: () => void }) {
  const { findCamera, noneFound } = cinemaWords.value;
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
        <p class="unseen" role="status">
          {found.length === 0 ? noneFound : cinemaWords.value.camerasCount(found.length)}
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

/** What can be done by keys in the grid. */
export function LiveKeys({ onClosed }: { readonly onClosed: () => void }) {
  const say = cinemaWords.value;
  const { back } = words.value;
  const keys: Keys = [
    ['← ↑ → ↓', say.keyMove],
    ['Enter', say.keyOpen],
    ['1 – 9', say.keyNumber],
    ['Shift F10', say.keyMenu],
    ['F', say.wall],
    ['/', say.findCamera],
    ['Esc', back],
    ['?', say.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}

/** What can be done by keys with one camera. */
export function CameraKeysSheet({ camera, onClosed }: { readonly camera: Camera; readonly onClosed: () => void }) {
  const say = cinemaWords.value;
  const { back, live } = words.value;
  const has = (part: string) => document.querySelector(`.cinema ${part}`) !== null;
  const keys: Keys = [
    ...(has('.pad') ? ([['← ↑ → ↓', say.turnIt]] as const) : []),
    ...(has('.rocker') ? ([['+ −', say.zoom]] as const) : []),
    [has('.rocker') ? 'Z' : '+ −', say.enlarge],
    ['← ↑ → ↓', say.moveEnlarged],
    ...(hasSound(camera.main) ? ([['M', `${say.soundOn} · ${say.soundOff}`]] as const) : []),
    ...(has('.talk') ? ([['T', say.holdToTalk]] as const) : []),
    ['S', say.snapshot],
    ['P', say.pictureInPicture],
    ['F', say.fullScreen],
    ['I', say.information],
    ...(has('.rewind') ? ([['L', live]] as const) : []),
    ...(has('.rewind-ways') ? ([['␣', `${say.pause} · ${say.goOn}`]] as const) : []),
    ['PgUp PgDn', say.keyMove],
    ['Esc', `${say.wholePicture} · ${back}`],
    ['?', say.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}

/** Which key does what on the page that is open. */
export function KeysSheet({ keys, onClosed }: { readonly keys: Keys; readonly onClosed: () => void }) {
  const say = cinemaWords.value;
  return (
    <Sheet title={say.keys} onClosed={onClosed}>
      {/* On a low screen there is more of it than has room: it has the focus, so that keys scroll it. */}
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
