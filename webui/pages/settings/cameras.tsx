import { cameras } from '../../cameras/cameras.ts';
import { Row } from '../../parts/row.tsx';
import { cameraLink } from '../../route.ts';
import { camerasWords } from '../../words/cameras.ts';

/** Cameras, in the order of the grid. */
export function CamerasPage() {
  return (
    <>
      <h2 class="title wide-only">{camerasWords.value.cameras}</h2>
      <ul class="card">
        {(cameras.value ?? []).map(({ name, title }) => (
          <li key={name}>
            <Row title={title} href={cameraLink(name)} />
          </li>
        ))}
      </ul>
    </>
  );
}
