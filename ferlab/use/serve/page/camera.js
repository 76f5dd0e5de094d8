// The camera, and its frames as JPEG.

const LARGEST = 640; // of a frame's sides, in pixels: faces from a thirtieth of it are found

export class Camera {
  turn = 0; // counts starts and stops
  #stream = null;
  #canvas = document.createElement("canvas");

  constructor(video) {
    this.video = video;
  }

  get isOn() {
    return this.#stream !== null;
  }

  async start() {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const turn = ++this.turn;
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user" },
    });
    if (turn !== this.turn) {
      for (const track of stream.getTracks()) track.stop();
      throw new DOMException("", "AbortError");
    }
    this.#stream = stream;
    this.video.srcObject = stream;
    await this.video.play();
  }

  stop() {
    this.turn++;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = this.video.srcObject = null;
  }

  frame() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, LARGEST / Math.max(width, height));
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.getContext("2d").drawImage(this.video, 0, 0, this.#canvas.width, this.#canvas.height);
    return new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", 0.9));
  }
}

export function trouble(error) {
  const photoWorks = "A photo works all the same: choose one, or drop it here.";
  const why = {
    NotAllowedError: "The camera is not allowed here; the browser's address bar can change that.",
    NotFoundError: "No camera is found.",
    NotReadableError: "The camera cannot be opened; another program may be using it.",
    SecurityError: "Browsers give the camera to pages of this machine alone, or over https.",
    AbortError: "",
  };
  const known = why[error.name] ?? `The camera cannot be opened (${error.name}).`;
  return known && `${known} ${photoWorks}`;
}
