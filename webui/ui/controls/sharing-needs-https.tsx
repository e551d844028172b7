/** Where a phone could share, and the browser does not offer it without https: the steps to it. */
export function SharingNeedsHttps({ text, steps }: { readonly text: string; readonly steps: string }) {
  return window.isSecureContext || !matchMedia('(pointer: coarse)').matches ? null : (
    <p class="dim small unencrypted">
      {text}{' '}
      <a href="trust" target="_blank" rel="noopener">
        {steps}
      </a>
    </p>
  );
}
