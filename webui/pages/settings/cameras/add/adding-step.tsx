import { computed, signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Arrival, isSharedTaken, troubleGroups } from '../../../../cameras/adoption-state.ts';
import { arrivals, endAdding } from '../../../../cameras/adoption.ts';
import { cameras } from '../../../../cameras/cameras.ts';
import { type Camera, canPlay, isSoundAlone, smallPath } from '../../../../cameras/camera.ts';
import { Picture, useLivePlayer } from '../../../../player/picture.tsx';
import { LIVE } from '../../../../shell/route.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords } from '../../../../words/words.ts';
import { Kept } from '../add-cameras-kept.tsx';
import { RenameSheet } from '../add-cameras-rename.tsx';
import { Troubles } from './failed-cameras.tsx';

const renamed = signal<string | undefined>(undefined);

/** Those of them that the box has by now; a recorder with several lenses is several. */
const arrived = computed(() => {
  const written = new Set(arrivals.value.flatMap(({ paths }) => paths));
  return (cameras.value ?? []).filter(({ name }) => written.has(name));
});

/** Step 3: pictures come one by one. What needs another password stops none of the others. */
export function Arriving({ top, title }: { readonly top: ComponentChildren; readonly title: Ref<HTMLHeadingElement> }) {
  const say = startWords.value;
  const here = arrived.value;
  const [there, setThere] = useState<ReadonlySet<string>>(new Set());
  const live = here.filter(({ name, main }) => main.ready && there.has(name)).length;
  const coming = arrivals.value.filter((one) => one.phase === 'signingIn' || isWaited(one, here));
  const isPending = coming.length > 0 || live < here.length;
  const renaming = here.find(({ name }) => name === renamed.value);
  return (
    <div class="adding">
      <header>
        {top}
        <h1 ref={title} tabIndex={-1}>
          {live > 0 ? say.someLive(live) : isPending ? say.adding(arrivals.value.length) : say.noneAdded}
        </h1>
        <p class="dim" role="status">
          {live === 0 ? isPending && say.eachTakes : isPending ? say.othersComing : say.tapName}
        </p>
      </header>
      <ul class="adding-main arriving">
        {here.map((camera) => (
          <li key={camera.name}>
            <ArrivedTile camera={camera} onThere={() => setThere((before) => new Set(before).add(camera.name))} />
          </li>
        ))}
        {coming.map(({ key, title: name, phase }) => (
          <li key={key}>
            <WaitingTile title={name} word={phase === 'signingIn' ? 'signingIn' : 'firstPicture'} />
          </li>
        ))}
      </ul>
      <div class="adding-troubles">
        {troubleGroups(arrivals.value).map((group) => (
          <Troubles key={group[0].key} group={group} isSharedTaken={isSharedTaken(arrivals.value)} />
        ))}
      </div>
      <div class="adding-foot">
        <Kept names={here.map(({ name }) => name)} />
        {here.some(({ main }) => main.ready) || (!isPending && here.length > 0) ? (
          <a class="button main" href={LIVE}>
            {say.goToLive}
          </a>
        ) : (
          <button class="button main" type="button" disabled>
            {say.goToLive}
          </button>
        )}
        <button class="text" type="button" onClick={endAdding}>
          {say.cameraMissing}
        </button>
      </div>
      {renaming && (
        <RenameSheet
          camera={renaming}
          onClosed={() => {
            renamed.value = undefined;
          }}
        />
      )}
    </div>
  );
}

/** It is written, and the box has not begun with it yet. */
const isWaited = ({ phase, paths }: Arrival, here: readonly Camera[]): boolean =>
  phase === 'adopted' && !here.some(({ name }) => paths.includes(name));

interface ArrivedProps {
  readonly camera: Camera;
  /** Its picture has come, or is not waited for: what is out of sight does not play. */
  readonly onThere: () => void;
}

function ArrivedTile({ camera, onThere }: ArrivedProps) {
  const item = smallPath(camera);
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: isSoundAlone(item) });
  const { phase } = player.view.value;
  const isLive = phase === 'playing';
  const [isInSight, setInSight] = useState(true);
  const isThere = isLive || phase === 'unplayable' || (camera.main.ready && !isInSight);
  useEffect(() => {
    if (isThere) {
      onThere();
    }
  }, [isThere]);
  const { firstPicture, notPlayable } = liveWords.value;
  const word = phase === 'unplayable' ? notPlayable : isLive ? undefined : firstPicture;
  return (
    <div class={`tile ${isLive ? 'live' : 'first'}`}>
      <Picture player={player} isOn={canPlay(item)} onSight={setInSight} />
      <button
        class="caption"
        type="button"
        aria-label={startWords.value.nameOf(camera.title)}
        onClick={() => {
          renamed.value = camera.name;
        }}
      >
        <Caption title={camera.title} word={word} isLive={isLive} />
      </button>
    </div>
  );
}

const WaitingTile = ({ title, word }: { readonly title: string; readonly word: 'signingIn' | 'firstPicture' }) => (
  <div class="tile waiting">
    <span class="caption">
      <Caption title={title} word={liveWords.value[word]} isLive={false} />
    </span>
  </div>
);

interface CaptionProps {
  readonly title: string;
  readonly word: string | undefined;
  readonly isLive: boolean;
}

const Caption = ({ title, word, isLive }: CaptionProps) => (
  <span class="name">
    {isLive && <i class="dot" />}
    <b>
      <bdi>{title}</bdi>
    </b>
    {word && <span class="word">{word}</span>}
  </span>
);
