// All that a picture needs to become numbers, for whoever loads it only when there is one.

export { readPicture } from './pictureFile.ts';
export { pictureNumbers, pixelValues } from './pixelValues.ts';
