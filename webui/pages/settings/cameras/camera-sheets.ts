export { ConnectionSheet } from './camera-connection.tsx';
export { PictureSheet } from './camera-picture.tsx';
export { RemovalSheet } from './camera-removal.tsx';
export { ForwardsSheet } from './forwards-sheet.tsx';
export { SourceSheet } from './source-sheet.tsx';
