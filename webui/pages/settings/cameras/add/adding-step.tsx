import { computed, signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { StorageUse } from '../../../../api-client/api-types.ts';
import { paths } from '../../../../api-client/paths.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { encodeName } from '../../../../api-client/urls.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { adoptions, clearAdoptions } from '../../../../cameras/adding/adoption.ts';
import { type Adoption, isSharedTaken, troubleGroups } from '../../../../cameras/adding/adoption-state.ts';
import { type Camera, canPlay, isSoundAlone, smallPath } from '../../../../cameras/camera.ts';
import { cameras } from '../../../../cameras/cameras.ts';
import { fieldProps } from '../../../../forms/field-props.ts';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { Warnings } from '../../../../live/notices.tsx';
import { Picture, useLivePlayer } from '../../../../player/picture.tsx';
import { LIVE } from '../../../../shell/route.ts';
import { TextField } from '../../../../ui/controls/field.tsx';
import { Icon } from '../../../../ui/icons/icon.tsx';
import type { StartWords } from '../../../../words/en/start.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords } from '../../../../words/words.ts';
import { NotifySheet } from '../../../features/parts.ts';
import type { PathConfig } from '../data/camera-settings.ts';
import { isForEver, shortestRetention, wholeDays } from '../data/retention-text.ts';
import { FailedCameras } from './failed-cameras.tsx';

const renamed = signal<string | undefined>(undefined);

/** The added cameras; a recorder has several. */
const arrived = computed(() => {
  const written = new Set(adoptions.value.flatMap(({ paths }) => paths));
  return (cameras.value ?? []).filter(({ name }) => written.has(name));
});

interface Slot {
  readonly key: string;
  readonly adoption: Adoption;
  /** Undefined: not added, or not started yet. */
  readonly camera: Camera | undefined;
}

/** Each camera keeps its place while pictures arrive; further channels of a recorder follow at the end. */
function slotsOf(all: readonly Adoption[], here: readonly Camera[]): readonly Slot[] {
  const shown = new Set<string>();
  const further: Slot[] = [];
  const first = all.flatMap((adoption): Slot[] => {
    const { key, phase, paths } = adoption;
    const own = here.filter(({ name }) => paths.includes(name));
    const [camera, ...others] = own.filter(({ name }) => !shown.has(name));
    for (const { name } of own) {
      shown.add(name);
    }
    further.push(...others.map((other) => ({ key: other.name, adoption, camera: other })));
    return phase === 'adopted' && own.length > 0 && !camera ? [] : [{ key, adoption, camera }];
  });
  return [...first, ...further];
}

type Outcome = 'playing' | 'unplayable';

interface AddingStepProps {
  readonly top: ComponentChildren;
  readonly title: Ref<HTMLHeadingElement>;
  readonly backTo: string;
}

/** Step 3. A camera that needs another password does not block the others. */
export function AddingStep({ top, title, backTo }: AddingStepProps) {
  const t = startWords.value;
  const here = arrived.value;
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());
  const count = (wanted: Outcome) =>
    here.filter(({ name, main }) => main.ready && outcomes.get(name) === wanted).length;
  const live = count('playing');
  const inPlace = slotsOf(adoptions.value, here);
  const isComing = inPlace.some(({ adoption, camera }) => !camera && adoption.phase !== 'failed');
  const isPending = isComing || live + count('unplayable') < here.length;
  // Nothing moves while pictures arrive.
  const slots = isPending ? inPlace : inPlace.toSorted((a, b) => Number(!a.camera) - Number(!b.camera));
  const renaming = here.find(({ name }) => name === renamed.value);
  const isRefused = !isPending && here.length === 0;
  const refused = adoptions.value.filter(({ phase }) => phase === 'failed').length;
  const reasons = useRef<HTMLDivElement>(null);
  const [isNotifying, setNotifying] = useState(false);
  const troubles = (
    <div class="adding-troubles" ref={reasons}>
      {troubleGroups(adoptions.value).map((group) => (
        <FailedCameras key={group[0].key} group={group} isSharedTaken={isSharedTaken(adoptions.value)} />
      ))}
    </div>
  );
  return (
    <div class="adding">
      <header>
        {top}
        <h1 ref={title} tabIndex={-1}>
          {headline(live, isPending, here.length, t)}
        </h1>
        <p class="dim" role="status">
          {live === 0 && isPending ? t.eachTakes : isPending ? t.othersComing : here.length > 0 && t.tapName}
        </p>
        <Warnings />
      </header>
      {/* If no camera was added, the reasons come first. */}
      {isRefused && troubles}
      <ul class="adding-main arriving">
        {slots.map(({ key, adoption, camera }) => (
          <li key={key}>
            {camera ? (
              <AdoptedTile
                camera={camera}
                onOutcome={(outcome) => setOutcomes((before) => new Map(before).set(camera.name, outcome))}
              />
            ) : (
              <PendingTile adoption={adoption} />
            )}
          </li>
        ))}
      </ul>
      {!isRefused && troubles}
      <div class="adding-foot">
        {refused > 0 && !isRefused && (
          <button
            class="text not-added"
            type="button"
            onClick={() => reasons.current?.scrollIntoView({ block: 'center', behavior: 'smooth' })}
          >
            <Icon name="alert" small />
            {t.someNotAdded(refused)}
          </button>
        )}
        <RetentionNote names={here.map(({ name }) => name)} />
        {here.some(({ main }) => main.ready) || (!isPending && here.length > 0) ? (
          <a class="button main" href={LIVE}>
            {t.goToLive}
          </a>
        ) : (
          <a class="text" href={backTo}>
            {t.later}
          </a>
        )}
        {/* Offered at the first start only. */}
        {backTo === LIVE && live > 0 && NotifySheet && (
          <button class="text" type="button" aria-haspopup="dialog" onClick={() => setNotifying(true)}>
            <Icon name="bell" small />
            {t.offerNotifications}
          </button>
        )}
        <button class="text" type="button" onClick={clearAdoptions}>
          {t.cameraMissing}
        </button>
      </div>
      {isNotifying && NotifySheet && <NotifySheet onClosed={() => setNotifying(false)} />}
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

/** Counts cameras that play; a camera that this browser cannot play still counts as added. */
function headline(live: number, isPending: boolean, added: number, t: StartWords): string {
  if (live > 0) {
    return t.someLive(live);
  }
  if (isPending) {
    return t.adding(adoptions.value.length);
  }
  return added > 0 ? t.added(added) : t.noneAdded;
}

interface ArrivedProps {
  readonly camera: Camera;
  readonly onOutcome: (outcome: Outcome) => void;
}

function AdoptedTile({ camera, onOutcome }: ArrivedProps) {
  const item = smallPath(camera);
  const player = useLivePlayer({ name: item.name, camera: camera.name, wantsSound: isSoundAlone(item) });
  const { phase } = player.view.value;
  const isLive = phase === 'playing';
  const [isInSight, setInSight] = useState(true);
  // Outside the viewport it does not play.
  const outcome = phase === 'unplayable' ? phase : isLive || (camera.main.ready && !isInSight) ? 'playing' : undefined;
  useEffect(() => {
    if (outcome) {
      onOutcome(outcome);
    }
  }, [outcome]);
  const { firstPicture, notPlayable } = liveWords.value;
  const word = phase === 'unplayable' ? notPlayable : isLive ? undefined : firstPicture;
  return (
    <div class={`tile ${isLive ? 'live' : 'first'}`}>
      <Picture player={player} isOn={canPlay(item)} onSight={setInSight} />
      <button
        class="caption"
        type="button"
        aria-description={startWords.value.tapName}
        onClick={() => {
          renamed.value = camera.name;
        }}
      >
        <Caption title={camera.title} word={word} isLive={isLive} />
      </button>
    </div>
  );
}

function PendingTile({ adoption: { title, phase, isSlow } }: { readonly adoption: Adoption }) {
  const { signingIn, firstPicture } = liveWords.value;
  const { slow, notAddedShort } = startWords.value;
  const word = phase === 'failed' ? notAddedShort : phase === 'adopted' ? firstPicture : isSlow ? slow : signingIn;
  return (
    <div class="tile waiting">
      <span class="caption">
        <Caption title={title} word={word} isLive={false} />
      </span>
    </div>
  );
}

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
    </b>{' '}
    {word && <span class="word">{word}</span>}
  </span>
);

/** Retention of the added cameras. */
function RetentionNote({ names }: { readonly names: readonly string[] }) {
  const t = startWords.value;
  const address = names.length > 0 ? 'v3/config/paths/list?itemsPerPage=1000' : undefined;
  const configs = usePolled<{ readonly items: readonly PathConfig[] }>(address, 'slow', { news: ['config'] });
  const use = usePolled<StorageUse>(address && 'v3/recordings/usage', 'slow');
  const here = configs.value?.items.filter(({ name }) => names.includes(name)) ?? [];
  const kept = shortestRetention(here, use.value?.items ?? []);
  if (!kept) {
    return null;
  }
  const long = isForEver(kept) ? t.keptAll : t.keptDays(wholeDays(kept.days));
  return (
    <p class="dim small">{kept.fits === undefined ? long : t.keptFits(wholeDays(kept.fits), wholeDays(kept.days))}</p>
  );
}

function RenameSheet({ camera, onClosed }: { readonly camera: Camera; readonly onClosed: () => void }) {
  const { nameOf, nameText } = startWords.value;
  const form = useMemo(() => newForm(camera.name, camera.title), [camera.name]);
  return (
    <FormSheet title={nameOf(camera.title)} form={form} onClosed={onClosed} text={nameText}>
      <TextField label={camerasWords.value.name} autocomplete="off" {...fieldProps(form, 'title')} />
    </FormSheet>
  );
}

const newForm = (path: string, title: string) =>
  serverForm<{ title: string }>({
    initial: { title },
    validate: { title: (text) => (text.trim() === '' ? startWords.peek().nameWrong : undefined) },
    save: async (values) => {
      const body = { title: values.title.trim() };
      await fetchJson(`v3/cameras/patch/${encodeName(path)}`, { method: 'PATCH', body });
      // Shown before the box's next response.
      paths.value = paths.peek()?.map((item) => (item.name === path ? { ...item, ...body } : item));
    },
  });
