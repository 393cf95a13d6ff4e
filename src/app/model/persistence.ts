// Asks the browser not to clear what the page keeps when the disk runs low. Some browsers ask the person in turn, so it
// is done only when a model is loaded from the Hub. A worker cannot ask.

export function askToPersist(): void {
  // Absent on pages that are not secure. A refusal changes nothing: the model may have to be fetched again one day.
  const storage: StorageManager | undefined = navigator.storage;
  void storage?.persist().catch(() => false);
}
