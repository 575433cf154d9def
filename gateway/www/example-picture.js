/* Step 5 of the demo page: uploading a picture, and using it. */

import { byId, parsedJson, pictureAddress, showMessage, sizeText } from "./example-dom.js";
import { demonstrate } from "./example-call.js";
import { http, problemOf } from "./example-http.js";

let previewAddress = "";

function choose() {
    const [file] = byId("image").files;
    URL.revokeObjectURL(previewAddress);
    previewAddress = file ? URL.createObjectURL(file) : "";
    byId("preview").hidden = !file;
    if (file) byId("preview").src = previewAddress;
    else byId("preview").removeAttribute("src");
    byId("drop-text").textContent = file
        ? `${file.name} (${sizeText(file.size)})`
        : "Choose a picture or drop one here";
    byId("upload-button").disabled = !file;
    byId("uploaded").hidden = true;
    showMessage("upload-message", "");
}

async function upload(event) {
    event.preventDefault();
    const [file] = byId("image").files;
    if (!file) return;
    const body = new FormData();
    body.append("image", file);
    byId("upload-button").disabled = true;
    const answer = await http("POST", "/upload-image", {
        body, shown: JSON.stringify({ image: file.name, type: file.type, size: file.size }),
    });
    byId("upload-button").disabled = false;
    const fileName = fileNameIn(answer.data);
    if (!answer.ok || !fileName) return showMessage("upload-message", problemOf(answer), "bad");
    showMessage("upload-message", "Uploaded: scaled, encoded again, without metadata.");
    byId("uploaded").hidden = false;
    byId("uploaded-name").textContent = fileName;
    byId("uploaded-picture").src = pictureAddress(fileName);
}

/* The answer is a JSON string that contains JSON. */
function fileNameIn(data) {
    const inner = typeof data === "string" ? parsedJson(data) : data;
    return typeof inner?.fileName === "string" ? inner.fileName : "";
}

function use() {
    demonstrate("setSelfInfo", { firstName: "", lastName: "", img: byId("uploaded-name").textContent });
    showMessage("upload-message", "Set with setSelfInfo; step 3 shows the call and its answer.");
}

export function startPicture() {
    byId("image").addEventListener("change", choose);
    byId("upload").addEventListener("submit", upload);
    byId("use-picture").addEventListener("click", use);
    for (const [type, isOver] of [["dragenter", true], ["dragleave", false], ["drop", false]]) {
        byId("drop").addEventListener(type, () => byId("drop").classList.toggle("is-over", isOver));
    }
}
