/** Files that the reader brings: dropped anywhere on the page while it shows a view, or picked. */

/** Lets files in; `area` is the label around the input, and marks itself while a file is above the page. */
export function onFile(area: HTMLElement, shown: () => boolean, take: (file: File) => void): void {
  const input = area.querySelector('input');
  input?.addEventListener('change', () => {
    const [file] = input.files ?? [];
    // So that picking the same file again, perhaps changed, is a change as well.
    input.value = '';
    if (file !== undefined) take(file);
  });
  const over = (is: boolean) => area.classList.toggle('over', is);
  addEventListener('dragover', (event) => {
    if (!shown() || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    over(true);
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) over(false);
  });
  addEventListener('drop', (event) => {
    const file = event.dataTransfer?.files[0];
    over(false);
    if (!shown() || file === undefined) return;
    // Or the browser would go to the file.
    event.preventDefault();
    take(file);
  });
}
