import { computed, signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { paths } from '../../../../api-client/paths.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { encodeName } from '../../../../api-client/urls.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { adoptions, clearAdoptions } from '../../../../cameras/adoption.ts';
import { type Adoption, isSharedTaken, troubleGroups } from '../../../../cameras/adoption-state.ts';
import { type Camera, canPlay, isSoundAlone, smallPath } from '../../../../cameras/camera.ts';
import { cameras } from '../../../../cameras/cameras.ts';
import { FormFooter } from '../../../../forms/form-footer.tsx';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { Picture, useLivePlayer } from '../../../../player/picture.tsx';
import { LIVE } from '../../../../shell/route.ts';
import { TextField } from '../../../../ui/controls/field.tsx';
import { camerasWords } from '../../../../words/cameras.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords } from '../../../../words/words.ts';
import type { PathConfig, StorageUse } from '../camera-settings.ts';
import { isForEver, shortestRetention, wholeDays } from '../retention-text.ts';
import { FailedCameras } from './failed-cameras.tsx';

const renamed = signal<string | undefined>(undefined);

/** Those of them that the device has by now; a recorder with several lenses is several. */
const arrived = computed(() => {
  const written = new Set(adoptions.value.flatMap(({ paths }) => paths));
  return (cameras.value ?? []).filter(({ name }) => written.has(name));
});

/** Step 3: pictures come one by one. What needs another password stops none of the others. */
export function AddingStep({
  top,
  title,
}: {
  readonly top: ComponentChildren;
  readonly title: Ref<HTMLHeadingElement>;
}) {
  const t = startWords.value;
  const here = arrived.value;
  const [there, setThere] = useState<ReadonlySet<string>>(new Set());
  const live = here.filter(({ name, main }) => main.ready && there.has(name)).length;
  const coming = adoptions.value.filter((one) => one.phase === 'signingIn' || isWaited(one, here));
  const isPending = coming.length > 0 || live < here.length;
  const renaming = here.find(({ name }) => name === renamed.value);
  return (
    <div class="adding">
      <header>
        {top}
        <h1 ref={title} tabIndex={-1}>
          {live > 0 ? t.someLive(live) : isPending ? t.adding(adoptions.value.length) : t.noneAdded}
        </h1>
        <p class="dim" role="status">
          {live === 0 ? isPending && t.eachTakes : isPending ? t.othersComing : t.tapName}
        </p>
      </header>
      <ul class="adding-main arriving">
        {here.map((camera) => (
          <li key={camera.name}>
            <AdoptedTile camera={camera} onThere={() => setThere((before) => new Set(before).add(camera.name))} />
          </li>
        ))}
        {coming.map(({ key, title: name, phase }) => (
          <li key={key}>
            <PendingTile title={name} word={phase === 'signingIn' ? 'signingIn' : 'firstPicture'} />
          </li>
        ))}
      </ul>
      <div class="adding-troubles">
        {troubleGroups(adoptions.value).map((group) => (
          <FailedCameras key={group[0].key} group={group} isSharedTaken={isSharedTaken(adoptions.value)} />
        ))}
      </div>
      <div class="adding-foot">
        <RetentionNote names={here.map(({ name }) => name)} />
        {here.some(({ main }) => main.ready) || (!isPending && here.length > 0) ? (
          <a class="button main" href={LIVE}>
            {t.goToLive}
          </a>
        ) : (
          <button class="button main" type="button" disabled>
            {t.goToLive}
          </button>
        )}
        <button class="text" type="button" onClick={clearAdoptions}>
          {t.cameraMissing}
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

/** It is written, and the device has not begun with it yet. */
const isWaited = ({ phase, paths }: Adoption, here: readonly Camera[]): boolean =>
  phase === 'adopted' && !here.some(({ name }) => paths.includes(name));

interface ArrivedProps {
  readonly camera: Camera;
  /** Its picture has come, or is not waited for: what is out of sight does not play. */
  readonly onThere: () => void;
}

function AdoptedTile({ camera, onThere }: ArrivedProps) {
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

const PendingTile = ({ title, word }: { readonly title: string; readonly word: 'signingIn' | 'firstPicture' }) => (
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

const LOOK_MS = 60_000;

/** What will be kept of these cameras, and how long. */
function RetentionNote({ names }: { readonly names: readonly string[] }) {
  const t = startWords.value;
  const address = names.length > 0 ? 'v3/config/paths/list?itemsPerPage=1000' : undefined;
  const configs = usePolled<{ readonly items: readonly PathConfig[] }>(address, { everyMs: LOOK_MS, news: ['config'] });
  const use = usePolled<StorageUse>(address && 'v3/recordings/usage', { everyMs: LOOK_MS });
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

/** What people call a camera. */
function RenameSheet({ camera, onClosed }: { readonly camera: Camera; readonly onClosed: () => void }) {
  const { nameOf, nameText } = startWords.value;
  const form = useMemo(() => newForm(camera.name, camera.title), [camera.name]);
  return (
    <FormSheet
      title={nameOf(camera.title)}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={<FormFooter form={form} text={nameText} />}
    >
      <TextField
        label={camerasWords.value.name}
        name="title"
        autocomplete="off"
        value={form.values.value.title}
        onInput={(value) => form.set('title', value)}
        isLocked={form.saving.value !== 'no'}
        wrong={form.wrong.value.title}
      />
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
      // It stands there at once, not only when the device is asked again.
      paths.value = paths.peek()?.map((item) => (item.name === path ? { ...item, ...body } : item));
    },
  });
