import { startWords } from '../../words/start.ts';

/** Below a password field: over plain http others in the network can read what is typed. Not on the box itself. */
export function ClearText() {
  const say = startWords.value;
  return location.protocol === 'https:' || window.isSecureContext ? null : (
    <p class="dim small clear-text">
      {say.clearText}{' '}
      <a href="trust" target="_blank" rel="noopener">
        {say.clearTextWayOut}
      </a>
    </p>
  );
}
