import { session } from '../api-client/session.ts';
import { clipsLink } from '../shell/route.ts';
import { words } from '../words/words.ts';

/** Leads to the library of clips. Guests have none. */
export const ClipsChip = () =>
  session.value?.role === 'guest' ? null : (
    <a class="chip tap" href={clipsLink()}>
      {words.value.clips}
    </a>
  );
